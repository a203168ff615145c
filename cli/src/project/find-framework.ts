/** Projects that a framework builds: the pages that people write lie elsewhere than those that WeChat loads. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import path from 'node:path'

export type Framework = {
  readonly name: 'taro' | 'uni-app' | 'mpvue' | 'wepy' | 'mpx' | 'remax'
  /** Folder of the pages as they are written. */
  readonly sourceRoot: string
}

/** Packages that tell a framework; each keeps its sources in `src`. */
const PACKAGES: Readonly<Record<string, Framework['name']>> = {
  '@tarojs/taro': 'taro',
  mpvue: 'mpvue',
  wepy: 'wepy',
  '@wepy/core': 'wepy',
  '@mpxjs/core': 'mpx',
  remax: 'remax',
}

/** Looks in the folder that WeChat loads and in those above it, up to the project's own. */
export async function findFramework(projectRoot: string, miniprogramRoot: string): Promise<Framework | undefined> {
  for (const folder of foldersUpTo(projectRoot, miniprogramRoot)) {
    const found = await frameworkIn(folder)
    if (found) return found
  }
  return undefined
}

async function frameworkIn(folder: string): Promise<Framework | undefined> {
  const packages = await dependenciesOf(folder)
  const name = packages.map((each) => PACKAGES[each]).find((each) => each !== undefined)
  if (name) return { name, sourceRoot: path.join(folder, 'src') }
  // HBuilderX projects have no package.json, and their pages beside the manifest.
  const manifest = [path.join(folder, 'src'), folder].find(
    (place) => existsSync(path.join(place, 'manifest.json')) && existsSync(path.join(place, 'pages.json')),
  )
  return manifest === undefined ? undefined : { name: 'uni-app', sourceRoot: manifest }
}

async function dependenciesOf(folder: string): Promise<string[]> {
  const text = await readFile(path.join(folder, 'package.json'), 'utf8').catch(() => '{}')
  try {
    const { dependencies, devDependencies } = JSON.parse(text.replace(/^\uFEFF/, '')) as Record<string, object> // safe: only keys are read
    return Object.keys({ ...dependencies, ...devDependencies })
  } catch {
    return [] // a broken package.json is npm's trouble
  }
}

function foldersUpTo(root: string, folder: string): string[] {
  const isInside = folder.startsWith(root + path.sep)
  return isInside ? [folder, ...foldersUpTo(root, path.dirname(folder))] : [root]
}
