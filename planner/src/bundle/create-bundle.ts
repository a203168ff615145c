/** Everything that is needed to run the recommended design, as files. Pure: the command line writes them. */
import { renderMermaid } from '../drawing/mermaid.ts'
import { renderSvg } from '../drawing/svg.ts'
import type { PlanResult } from '../plan.ts'
import { type BundleFacts, type BundleFile, type BundleOptions, bundleFacts, file } from './bundle-facts.ts'
import { composeFiles, dockerfile } from './container-files.ts'
import { databaseFiles } from './database-files.ts'
import { kubernetesFiles } from './kubernetes-files.ts'
import { nginxFiles } from './nginx-files.ts'
import { readmeFiles } from './readme-files.ts'
import { scriptFiles } from './script-files.ts'
import { cloudbaseRunFiles, functionFiles } from './serverless-files.ts'
import { systemFiles } from './system-files.ts'
import { systemdFiles } from './systemd-files.ts'

const CONTAINER_PORT = 8080

/** Sorted by path, each path once. */
export async function createBundle(result: PlanResult, options: BundleOptions = {}): Promise<BundleFile[]> {
  const facts = bundleFacts(result, options)
  const files = [
    ...readmeFiles(facts),
    file('architecture.svg', await renderSvg(result, { lang: 'zh' })),
    file('architecture.mmd', renderMermaid(result, 'zh')),
    file('plan.json', JSON.stringify(result, null, 2)),
    ...designFiles(facts),
  ]
  return files.sort((a, b) => (a.path < b.path ? -1 : 1))
}

const serverFiles = (facts: BundleFacts): BundleFile[] => [
  ...nginxFiles(facts),
  ...systemdFiles(facts),
  ...databaseFiles(facts),
  ...systemFiles(facts),
  ...scriptFiles(facts),
]

function designFiles(facts: BundleFacts): BundleFile[] {
  switch (facts.design) {
    case 'light':
    case 'light-cdn':
      return [...serverFiles(facts), ...composeFiles(facts), dockerfile(CONTAINER_PORT)]
    case 'light-functions':
      return [...serverFiles(facts), ...composeFiles(facts), dockerfile(CONTAINER_PORT), ...functionFiles()]
    case 'standard':
      return [...serverFiles(facts), dockerfile(CONTAINER_PORT)]
    case 'kubernetes':
      return [...kubernetesFiles(facts), dockerfile(CONTAINER_PORT)]
    case 'functions':
      return functionFiles()
    case 'cloudbase-run':
      return cloudbaseRunFiles(facts)
    case 'cloudbase':
      return []
  }
}
