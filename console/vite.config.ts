import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import vue from '@vitejs/plugin-vue'
import { defineConfig, type Plugin } from 'vite'

/** A blocking script that sets the colours before the first paint; Vite only bundles module scripts. */
const beforePaint: Plugin = {
  name: 'before-paint',
  transformIndexHtml: {
    order: 'post',
    handler: () => [{ tag: 'script', attrs: { src: '/console/before-paint.js' }, injectTo: 'head-prepend' }],
  },
}

const DIST = path.join(import.meta.dirname, 'dist')
const COMPRESSED = /\.(?:js|css|svg|html)$/
const WORTH_COMPRESSING_BYTES = 1_024
/** A little larger than 11, in a fraction of the time: `npm ci` waits for it. */
const BROTLI_QUALITY = 6

/** Compressed once here instead of at each request on a small server. */
const compressed: Plugin = {
  name: 'compressed',
  closeBundle() {
    for (const name of readdirSync(DIST, { recursive: true, encoding: 'utf8' })) {
      if (!COMPRESSED.test(name)) continue
      const content = readFileSync(path.join(DIST, name))
      if (content.length < WORTH_COMPRESSING_BYTES) continue
      const params = { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY }
      writeFileSync(path.join(DIST, `${name}.br`), brotliCompressSync(content, { params }))
      writeFileSync(path.join(DIST, `${name}.gz`), gzipSync(content))
    }
  },
}

// The build tool reads a default export here; everything else in the repository uses named exports.
export default defineConfig({
  root: import.meta.dirname,
  base: '/console/',
  plugins: [vue(), beforePaint, compressed],
  build: {
    target: 'es2022',
    sourcemap: false,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1_700, // elkjs, loaded only when a drawing is asked for
  },
})
