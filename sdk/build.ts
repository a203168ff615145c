/**
 * Bundles the client into the one file that mini programs load: `miniprogram_dist/index.js`, which WeChat's npm build
 * copies because package.json names the folder. `node sdk/build.ts [file]`
 */
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** What WeChat's base library 2.10 runs on iOS 10.3 and Android 5, without DevTools' own ES5 conversion. */
const TARGET = 'es2018'

// biome-ignore format: one line of names
const OWN_NAMES = /^(operands|operator|operand|exchange|transport|session|headers|clock|perform|newKey|retryAfterMs|uploadContent|sendKept|flush|storageKey|onRefused|idempotencyKey|openData|documents|describe|work|storage|attach|outbox|post|read|write)$/

/** The bundle's text; `require()` of it answers the cloud object itself, with the package's other exports on it. */
export async function bundleClient(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('src/miniprogram-entry.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'cjs',
    target: TARGET,
    charset: 'utf8',
    minify: true,
    legalComments: 'none',
    // Names that only these sources use: nothing outside, on the wire or in the phone's storage reads them.
    mangleProps: OWN_NAMES,
    logOverride: { 'commonjs-variable-in-esm': 'silent' },
    // Fields that a constructor sets need no declaration at run time.
    tsconfigRaw: { compilerOptions: { useDefineForClassFields: false, strict: true } },
    banner: { js: '/* sampan: generated from sdk/src by npm run build --workspace sampan */' },
  })
  return outputFiles.map(({ text }) => text).join('')
}
