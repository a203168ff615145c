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

// The build tool reads a default export here; everything else in the repository uses named exports.
export default defineConfig({
  root: import.meta.dirname,
  base: '/console/',
  plugins: [vue(), beforePaint],
  build: {
    target: 'es2022',
    sourcemap: false,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1_700, // elkjs, loaded only when a drawing is asked for
  },
})
