/**
 * Bundles the client into the one file that mini programs load: `miniprogram_dist/index.js`, which WeChat's npm build
 * copies because package.json names the folder. The file is kept in the repository, because `sampan import` and the
 * example hand it out; a test compares it with the sources. Run: `npm run build --workspace sampan`.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** What iOS 12 and WeChat's own engine on Android run, without DevTools' conversion to ES5. */
const TARGET = 'es2018'

// biome-ignore format: one line of names
const OWN_NAMES = /^(calls|operands|operator|operand|exchange|transport|session|headers|clock|perform|newKey|retryAfterMs|uploadContent|sendKept|flush|storageKey|onRefused|idempotencyKey|openData|documents|describe|work|storage|attach|outbox|post|read|write|httpStatus|longestMs|held|hold|usualMs|reportLoading|tag|answerBody|isInitial|eventId)$/

/** The client's text; `require()` of it answers the cloud object itself, with the package's other exports on it. */
export const bundleClient = () => bundle('miniprogram-entry.ts')

/** The text of what `init({ realtime })` takes. */
export const bundleRealtime = () => bundle('realtime-entry.ts')

/** The text of the helpers for sales. */
export const bundleStock = () => bundle('stock-entry.ts')

async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`src/${entry}`, import.meta.url))],
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
  })
  return outputFiles.map(({ text }) => text).join('')
}

/** Every place that holds built files. */
const PLACES = {
  client: [
    'miniprogram_dist/index.js',
    '../examples/booking/miniprogram/sampan/client.js',
    '../examples/shop/miniprogram/sampan/client.js',
  ],
  realtime: ['miniprogram_dist/realtime.js'],
  stock: ['miniprogram_dist/stock.js', '../examples/shop/miniprogram/sampan/stock.js'],
}

/** What belongs in each of them. */
export async function builtFiles(): Promise<{ place: string; text: string }[]> {
  const [client, realtime, stock] = await Promise.all([bundleClient(), bundleRealtime(), bundleStock()])
  const files = (places: string[], text: string) =>
    places.map((place) => ({ place: path.join(import.meta.dirname, place), text }))
  return [...files(PLACES.client, client), ...files(PLACES.realtime, realtime), ...files(PLACES.stock, stock)]
}

if (import.meta.main) {
  for (const { place, text } of await builtFiles()) {
    await mkdir(path.dirname(place), { recursive: true })
    await writeFile(place, text)
    console.log(`${path.relative(process.cwd(), place)}: ${Buffer.byteLength(text)} bytes`)
  }
}
