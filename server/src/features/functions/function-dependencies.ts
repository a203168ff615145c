/**
 * Whether a function's packages are there, and which `wx-server-sdk` it gets.
 *
 * The real SDK from the project's own folder is used wherever it can be redirected to this server. Versions below 2.3
 * ignore the redirect, so they are served by the server's own copy, and so is a project that has not installed it.
 */
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import type { FunctionSpec } from './function-config.ts'

const SDK = 'wx-server-sdk'

export type DependencyState = {
  /** Packages that package.json names and no node_modules above the function holds. */
  readonly missing: readonly string[]
  /** File to serve as `wx-server-sdk`; undefined: the one that the function's folder resolves to. */
  readonly sdkFile: string | undefined
}

export function examineDependencies(spec: FunctionSpec): DependencyState {
  const sdkFile = spec.isLight ? LIGHT_SDK : sdkFileFor(spec.folder)
  const wanted = Object.keys(readPackage(spec.folder)?.dependencies ?? {})
  const missing = wanted.filter((name) => !findInstalled(spec.folder, name) && !(name === SDK && sdkFile))
  return { missing, sdkFile }
}

const LIGHT_SDK = path.join(import.meta.dirname, 'light-sdk', 'light-sdk.cjs')

function sdkFileFor(folder: string): string | undefined {
  const installed = findInstalled(folder, SDK)
  if (installed && canBeRedirected(readPackage(installed)?.version ?? '')) return undefined
  return bundledSdk()
}

/** 2.3 was the first version that followed the redirect when tried; 2.1.2 has the variable and ignores it. */
function canBeRedirected(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > 2 || (major === 2 && minor >= 3)
}

function bundledSdk(): string | undefined {
  try {
    return createRequire(import.meta.url).resolve(SDK)
  } catch {
    return undefined // not shipped with this installation: the project has to bring it
  }
}

/** The package's folder, looked for as Node does: in node_modules here and in every folder above. */
export function findInstalled(folder: string, name: string): string | undefined {
  return ancestors(folder)
    .map((place) => path.join(place, 'node_modules', name))
    .find((place) => existsSync(path.join(place, 'package.json')))
}

/** Folders that code in `folder` may load packages from. */
export function packageFolders(folder: string): string[] {
  return ancestors(folder)
    .map((place) => path.join(place, 'node_modules'))
    .filter((place) => existsSync(place))
}

/** Where packages really lie that npm linked into a function's folder, as it does for `file:` and workspaces. */
export function linkedPackages(functionFolder: string): string[] {
  const names = Object.keys(readPackage(functionFolder)?.dependencies ?? {})
  const places = names.map((name) => findInstalled(functionFolder, name)).filter((place) => place !== undefined)
  return places.map((place) => realpathSync(place)).filter((real) => !places.includes(real))
}

function ancestors(folder: string): string[] {
  const parent = path.dirname(folder)
  return parent === folder ? [folder] : [folder, ...ancestors(parent)]
}

type PackageFile = { readonly version?: string; readonly dependencies?: Readonly<Record<string, string>> }

function readPackage(folder: string): PackageFile | undefined {
  try {
    return JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8').replace(/^\uFEFF/, '')) as PackageFile // safe: only optional fields
  } catch {
    return undefined // none, or broken: then there is nothing to install
  }
}
