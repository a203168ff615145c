import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import { DCLinter } from 'dclint'
import { Deployment } from 'kubernetes-models/apps/v1/Deployment'
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler'
import { CronJob } from 'kubernetes-models/batch/v1/CronJob'
import { Ingress } from 'kubernetes-models/networking.k8s.io/v1/Ingress'
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy'
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget'
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap'
import { Namespace } from 'kubernetes-models/v1/Namespace'
import { Service } from 'kubernetes-models/v1/Service'
import { ServiceAccount } from 'kubernetes-models/v1/ServiceAccount'
import { parse } from 'yaml'
import { processesFor } from '../src/architecture.ts'
import { memoryForStack } from '../src/box-capacity.ts'
import { boxOf } from '../src/box-input.ts'
import { memoryGiven, splitMemory } from '../src/bundle/memory-split.ts'
import { BUNDLES, type BundleFile, createBundle, plan } from '../src/index.ts'

const bundle = (input: object) => createBundle(plan(input), { domain: 'api.example.com' })
const LIGHT = { type: 'booking', dau: 2000, images: 'cdn' }
const CLUSTER = { type: 'community', dau: 2_000_000 }

type Finding = { type: string; rule: string; message: string; line: number }

function contentOf(files: readonly BundleFile[], name: string): string {
  const found = files.find((file) => file.path === name)
  assert.ok(found, `${name} is missing among ${files.map((file) => file.path).join(', ')}`)
  return found.content
}

describe('bundle', () => {
  it('writes each file once, with a mode, one newline at the end and nothing undefined', async () => {
    for (const input of [
      LIGHT,
      { ...LIGHT, database: 'mysql', bundle: '2c4g200m' },
      CLUSTER,
      { type: 'tool', dau: 9, features: ['no-operator'] },
    ]) {
      const files = await bundle(input)
      assert.equal(new Set(files.map(({ path: name }) => name)).size, files.length)
      for (const { path: name, content, mode } of files) {
        assert.ok(content.endsWith('\n') && !content.endsWith('\n\n'), name)
        assert.doesNotMatch(content, /undefined|NaN|\[object/, name)
        assert.equal(mode, /\.sh$|scf_bootstrap$/.test(name) ? 0o755 : /\.env$/.test(name) ? 0o600 : 0o644, name)
      }
    }
  })

  it('is the same for the same plan', async () => {
    assert.deepEqual(await bundle(LIGHT), await bundle(LIGHT))
  })

  it('refuses a domain that would end up as configuration', async () => {
    const result = plan(LIGHT)
    for (const domain of ['x', 'a b.com', 'a.com; include /etc/passwd', '$host.com', '']) {
      await assert.rejects(createBundle(result, { domain }), RangeError, domain)
    }
  })

  it('gives away no more memory than a box has, for every bundle and database', () => {
    for (const row of BUNDLES) {
      const box = boxOf(row)
      if (!box) continue
      for (const database of ['sqlite', 'mysql', 'postgres'] as const) {
        const processes = processesFor(box, database)
        const split = splitMemory(box, database, processes)
        if (box.memoryGB < 2 && database === 'mysql') continue // the verdict says so: memory does not fit
        assert.ok(memoryGiven(split, database, processes) <= memoryForStack(box), `${row.id} ${database}`)
        assert.ok(
          split.heapMB >= 160 && split.heapMB < split.serverMaxMB,
          `${row.id} ${database} ${JSON.stringify(split)}`,
        )
      }
    }
  })

  it('keeps the traps out of nginx: failed upstreams, claimed addresses, leaf certificates, the door of the functions', async () => {
    const files = await bundle(LIGHT)
    const site = contentOf(files, 'nginx/conf.d/sampan.conf')
    const servers = site.match(/server 127\.0\.0\.1:\d+ .*;/g) ?? []
    assert.equal(servers.length, 4)
    for (const server of servers) assert.match(server, /max_fails=0/)
    assert.match(site, /ssl_certificate .*fullchain\.pem/)
    assert.match(site, /ssl_protocols TLSv1\.2 TLSv1\.3/)
    assert.match(site, /ssl_reject_handshake on/)
    assert.match(site, /location \/admin \{\s+return 404/)
    const proxied = site.match(/proxy_pass/g)?.length
    assert.equal(site.match(/include snippets\/sampan-proxy\.conf/g)?.length, proxied)
    assert.match(contentOf(files, 'nginx/snippets/sampan-proxy.conf'), /X-Forwarded-For \$remote_addr/)
  })

  it('writes HTTP/2 as the installed nginx understands it', async () => {
    const result = plan(LIGHT)
    const at = async (nginxVersion: string) =>
      contentOf(await createBundle(result, { nginxVersion }), 'nginx/conf.d/sampan.conf')
    assert.match(await at('1.22.1'), /listen 443 ssl http2;/)
    assert.match(await at('1.25.1'), /http2 on;/)
    assert.match(await at('1.28'), /http2 on;/)
  })

  it('runs two processes only where they can share state', async () => {
    const lite = await bundle(LIGHT)
    assert.match(contentOf(lite, 'nginx/conf.d/sampan.conf'), /3002 max_fails=0 backup/)
    assert.ok(!lite.some(({ path: name }) => name.startsWith('redis/')))
    const large = await bundle({ ...LIGHT, database: 'mysql', bundle: '2c4g200m' })
    assert.doesNotMatch(contentOf(large, 'nginx/conf.d/sampan.conf'), /backup/)
    assert.match(contentOf(large, 'redis/sampan.conf'), /maxmemory-policy allkeys-lru/)
    assert.match(contentOf(large, 'env/sampan.env'), /REDIS_URL=redis:/)
  })

  it('passes dclint without a finding', async () => {
    for (const database of ['sqlite', 'mysql', 'postgres']) {
      const files = await bundle({ ...LIGHT, database, bundle: '2c4g200m' })
      const folder = await mkdtemp(path.join(os.tmpdir(), 'sampan-compose-'))
      try {
        await writeFile(path.join(folder, 'docker-compose.yml'), contentOf(files, 'compose/docker-compose.yml'))
        const linter = new DCLinter({ quiet: true, debug: false, exclude: [], rules: {} } as never) // safe: the rest of its configuration is optional at run time
        // safe: dclint's own types are lost to its extensionless imports; this is LintResult
        const results = linter.lintFiles([folder], false) as { messages: Finding[] }[]
        const errors = results.flatMap(({ messages }) => messages).filter(({ type }) => type === 'error')
        assert.deepEqual(
          errors.map(({ rule, message, line }) => `${line} ${rule}: ${message}`),
          [],
        )
      } finally {
        await rm(folder, { recursive: true })
      }
    }
  })

  it('writes manifests that Kubernetes’ own schemas accept', async () => {
    const files = await bundle(CLUSTER)
    const MODELS = {
      Deployment,
      HorizontalPodAutoscaler,
      CronJob,
      Ingress,
      NetworkPolicy,
      PodDisruptionBudget,
      ConfigMap,
      Namespace,
      Service,
      ServiceAccount,
    }
    const validated: string[] = []
    for (const { path: name, content } of files.filter(({ path: file }) => /^kubernetes\/.+\.yaml$/.test(file))) {
      const object = parse(content)
      const Model = MODELS[object.kind as keyof typeof MODELS] as
        | (new (
            data: never,
          ) => { validate(): void })
        | undefined // safe: looked up by kind, may be absent
      if (!Model) continue
      new Model(object as never).validate()
      validated.push(name)
    }
    assert.equal(validated.length, Object.keys(MODELS).length)
    const { spec } = parse(contentOf(files, 'kubernetes/base/deployment.yaml'))
    assert.equal(spec.strategy.rollingUpdate.maxUnavailable, 0)
    assert.equal(spec.template.spec.containers[0].resources.limits.cpu, undefined)
    const resources: string[] = parse(contentOf(files, 'kubernetes/base/kustomization.yaml')).resources
    for (const resource of resources) contentOf(files, `kubernetes/base/${resource}`)
  })

  it('writes a bootstrap that SCF starts: shebang, LF, port 9000 on every address', async () => {
    const files = await bundle({ jobsPerSecond: 0.1, cpuSecondsPerJob: 60, bundle: '2c4g6m' })
    const bootstrap = contentOf(files, 'functions/scf_bootstrap')
    assert.match(bootstrap, /^#!\/bin\/bash\n/)
    assert.match(bootstrap, /HOST=0\.0\.0\.0 PORT="\$\{PORT:-9000\}"/)
    assert.doesNotMatch(bootstrap, /\r/)
  })

  it('keeps secrets out: every secret of the environment file is empty or a placeholder', async () => {
    for (const database of ['sqlite', 'mysql']) {
      const env = contentOf(await bundle({ ...LIGHT, database }), 'env/sampan.env')
      for (const name of ['WECHAT_SECRET', 'SECRET_KEY']) assert.match(env, new RegExp(`^${name}=$`, 'm'))
    }
  })

  it('lists the steps in order in both languages', async () => {
    const files = await bundle(LIGHT)
    for (const name of ['README.md', 'README.zh-CN.md']) {
      const readme = contentOf(files, name)
      const order = ['ICP', 'install.sh', 'issue-certificate.sh', 'restore-drill.sh', 'mp.weixin.qq.com'].map((word) =>
        readme.indexOf(word, readme.indexOf('1. ')),
      )
      assert.ok(
        order.every((at, index) => at > (order[index - 1] ?? 0)),
        `${name}: ${order}`,
      )
    }
  })
})
