/**
 * Loads functions written in TypeScript as their authors' compilers would: imports need no file endings, enums and the like
 * work, and `import * as cloud from 'wx-server-sdk'` means what `require` gives.
 */
const fs = require('node:fs')
const module_ = require('node:module')
const path = require('node:path')
const { fileURLToPath, pathToFileURL } = require('node:url')

const TYPESCRIPT = /\.[cm]?ts$/
const ENDINGS = ['', '.ts', '.js', '.json', '/index.ts', '/index.js']
const SDK = 'wx-server-sdk'
const FACADE = 'sampan-sdk:'

const isFile = (place) => fs.statSync(place, { throwIfNoEntry: false })?.isFile() === true

/** The file that `./x` means beside this one; `./x.js` may be written for x.ts. */
const findBeside = (specifier, parentUrl) => {
  if (!/^\.{0,2}\//.test(specifier) || !parentUrl?.startsWith('file:')) return undefined
  const base = path.resolve(path.dirname(fileURLToPath(parentUrl)), specifier)
  return [...ENDINGS.map((ending) => base + ending), base.replace(/js$/, 'ts')].find(isFile)
}

/** A module of its own: what a bundle exports cannot be seen from outside, so that Node knows only its default export. */
const facadeOf = (file) => {
  const names = Object.keys(require(file)).filter((name) => /^[A-Za-z_$][\w$]*$/.test(name) && name !== 'default')
  return [
    `import sdk from ${JSON.stringify(pathToFileURL(file).href)}`,
    'export default sdk',
    ...names.map((name) => `export const ${name} = sdk.${name}`),
  ].join('\n')
}

/** Keeps lines where they are; what only a compiler can remove, such as an enum, moves them. */
const withoutTypes = (text) => {
  try {
    return module_.stripTypeScriptTypes(text)
  } catch (error) {
    if (error?.code !== 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX') throw error
    return module_.stripTypeScriptTypes(text, { mode: 'transform' })
  }
}

/** Names of types, which others import as if they were values: a compiler would drop such imports, Node looks for them. */
const typeNames = (text, source) => {
  const declared = [...text.matchAll(/^\s*export\s+(?:declare\s+)?(?:interface|type)\s+([A-Za-z_$][\w$]*)/gm)]
  const isValue = (name) =>
    new RegExp(`^\\s*export\\s+(?:const|let|var|class|(?:async\\s+)?function)\\s+${name}\\b`, 'm').test(source)
  return [...new Set(declared.map(([, name]) => name))].filter((name) => !isValue(name))
}

const serveTypeScript = (entryFile, sdkFile) => {
  const requireHere = module_.createRequire(entryFile)
  module_.registerHooks({
    resolve(specifier, context, next) {
      const isFromTypeScript = TYPESCRIPT.test(context.parentURL ?? '')
      if (specifier === SDK && isFromTypeScript)
        return { url: `${FACADE}${sdkFile ?? requireHere.resolve(SDK)}`, format: 'module', shortCircuit: true }
      const beside = isFromTypeScript ? findBeside(specifier, context.parentURL) : undefined
      if (!beside) return next(specifier, context)
      return next(context.conditions?.includes('require') ? beside : pathToFileURL(beside).href, context)
    },
    load(url, context, next) {
      if (url.startsWith(FACADE))
        return { source: facadeOf(url.slice(FACADE.length)), format: 'module', shortCircuit: true }
      if (!url.startsWith('file:') || !TYPESCRIPT.test(url) || url.includes('/node_modules/')) return next(url, context)
      const text = fs.readFileSync(fileURLToPath(url), 'utf8')
      const source = withoutTypes(text)
      // A file of nothing but types is a module, too.
      if (!/^\s*(?:import|export)\b/m.test(text)) return { source, format: 'commonjs', shortCircuit: true }
      const types = typeNames(text, source).map((name) => `export const ${name} = undefined`)
      return { source: [source, ...types].join('\n'), format: 'module', shortCircuit: true }
    },
  })
}

module.exports = { serveTypeScript }
