/**
 * Packages that functions of older projects load without naming them: Tencent's Node.js runtimes up to 12.16 brought
 * them along.
 *
 * @see https://www.tencentcloud.com/document/product/583/11060 — "Included Library and Usage"
 */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

/** The major versions that those runtimes had: code of that time asks for `uuid/v4`, which later ones lack. */
// biome-ignore format: a table keeps its columns
const RUNTIME_PACKAGES: Readonly<Record<string, string>> = {
  'base64-js':         '^1.5.1',
  'cos-nodejs-sdk-v5': '^2.15.4',
  'crypto-browserify': '^3.12.0',
  ieee754:             '^1.2.1',
  isarray:             '^2.0.5',
  jmespath:            '^0.16.0',
  lodash:              '^4.17.21',
  request:             '^2.88.2',
  sax:                 '^1.4.1',
  uuid:                '^3.4.0',
  xml2js:              '^0.4.23',
  xmlbuilder:          '^11.0.1',
}

const SOURCE = /\.(?:js|cjs|mjs|ts|cts|mts)$/
const LOADED = /(?:\brequire\s*\(\s*|\bfrom\s+|\bimport\s+)['"]((?:@[\w.-]+\/)?[\w.-]+)(?:\/[^'"]*)?['"]/g
/** Enough for a function's own code; whoever ships more brings its packages, too. */
const FILES_MAX = 200

/** Which of them this function's code loads, with the version to install: `{ request: '^2.88.2' }`. */
export function runtimePackagesOf(functionFolder: string): Readonly<Record<string, string>> {
  const loaded = new Set(
    sourceFiles(functionFolder).flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(LOADED)].map(([, name = '']) => name),
    ),
  )
  return Object.fromEntries(Object.entries(RUNTIME_PACKAGES).filter(([name]) => loaded.has(name)))
}

function sourceFiles(folder: string): string[] {
  const files: string[] = []
  const visit = (place: string) => {
    for (const entry of readdirSync(place, { withFileTypes: true })) {
      const found = path.join(place, entry.name)
      if (entry.isDirectory() && entry.name !== 'node_modules') visit(found)
      else if (entry.isFile() && SOURCE.test(entry.name) && files.length < FILES_MAX) files.push(found)
    }
  }
  visit(folder)
  return files
}
