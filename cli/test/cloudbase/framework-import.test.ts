/** Projects of Taro and uni-app after the import: built as their bundlers do, run on a headless phone against the server. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import vm from 'node:vm'
import { build, type Plugin } from 'esbuild'
import { bundleClient, bundleRealtime } from '../../../sdk/build.ts'
import { createPhone } from '../../../sdk/test/headless/phone.ts'
import { startTestServer, type TestServer } from '../../../server/test/support/test-server.ts'
import { examineProject } from '../../src/cloudbase/examine-project.ts'
import { planPageEdits } from '../../src/cloudbase/page-edits.ts'
import { redirectPages, undoRedirect } from '../../src/cloudbase/redirect-pages.ts'
import { loadProject } from '../../src/project/load-project.ts'
import { componentScripts } from '../../src/project/source-files.ts'

const ECHO = `exports.main = async ({ n, userInfo }) => ({ n, openId: userInfo.openId })`

const TARO = {
  'project.config.json': '{"miniprogramRoot":"./dist","cloudfunctionRoot":"cloud/functions/"}',
  'package.json': '{"dependencies":{"@tarojs/taro":"3.6.0"}}',
  'cloud/functions/echo/index.js': ECHO,
  'src/app.tsx': `import Taro, { cloud as wechatCloud, showToast } from '@tarojs/taro'
import { ask } from './pages/ask'
Taro.cloud.init({ env: 'prod', traceUser: true })
export const start = async () => {
  const first = (<view>{"it's JSX"}</view>) && (await wechatCloud.callFunction({ name: 'echo', data: { n: 1 } }))
  showToast({ title: 'wx.cloud in a text stays' })
  return [first.result, await ask()]
}`,
  'src/pages/ask.js': `export async function ask() {
  const { result } = await wx.cloud.callFunction({ name: 'echo', data: { n: 2 } })
  return result
}`,
}

const UNI_APP = {
  'project.config.json': '{"miniprogramRoot":"dist/build/mp-weixin/","cloudfunctionRoot":"cloudfunctions/"}',
  'src/manifest.json': '{}',
  'src/pages.json': '{}',
  'cloudfunctions/echo/index.js': ECHO,
  'src/main.ts': `import { ask } from './pages/index.vue'
uni.cloud.init({ env: 'prod' })
export const start = async () => [await ask(1), await ask(2)]`,
  'src/pages/index.vue': `<template><view>don't read {{ wx.cloud }} here</view></template>
<script lang="ts">
export const ask = async (n: number) => {
  const { result } = await wx.cloud.callFunction({ name: 'echo', data: { n } })
  return result
}
</script>
<style>.a { color: red }</style>
`,
}

/** What stands in for the framework: JSX makes nothing, Taro offers what \`wx\` does, a Vue file is its script. */
const framework: Plugin = {
  name: 'framework',
  setup(builder) {
    builder.onResolve({ filter: /^@tarojs\/taro$/ }, () => ({ path: 'taro', namespace: 'taro' }))
    builder.onLoad({ filter: /.*/, namespace: 'taro' }, () => ({ contents: 'module.exports = wx' }))
    builder.onLoad({ filter: /\.vue$/ }, async ({ path: file }) => ({
      contents: componentScripts(await readFile(file, 'utf8'))
        .map(({ text }) => text)
        .join('\n'),
      loader: 'ts',
    }))
  },
}

for (const [name, files, entry] of [
  ['Taro', TARO, 'src/app.tsx'],
  ['uni-app', UNI_APP, 'src/main.ts'],
] as const) {
  describe(`import cloudbase, of a ${name} project`, () => {
    let root: string
    let server: TestServer
    before(async () => {
      root = await mkdtemp(path.join(os.tmpdir(), 'sampan-framework-'))
      for (const [file, text] of Object.entries(files)) {
        await mkdir(path.dirname(path.join(root, file)), { recursive: true })
        await writeFile(path.join(root, file), text)
      }
      const project = await loadProject(root)
      server = await startTestServer({ project: { functionsRoot: project.functionsRoot } })
    })
    after(async () => {
      await server.close()
      await rm(root, { recursive: true, force: true })
    })

    const texts = () => Promise.all(Object.keys(files).map((file) => readFile(path.join(root, file), 'utf8')))

    it('finds the pages where people write them', async () => {
      const { clientApis, pages, attention } = await examineProject(await loadProject(root))
      assert.deepEqual(
        [clientApis, pages.withCloud.length, attention],
        [{ callFunction: name === 'Taro' ? 2 : 1, init: 1 }, 2, []],
      )
    })

    it('leaves a program that builds, and calls the functions of this server as its user', async () => {
      const project = await loadProject(root)
      const bundle = { client: await bundleClient(), realtime: await bundleRealtime() }
      await redirectPages(project, await planPageEdits(project), bundle)
      assert.ok(!(await texts()).some((text) => /\{\{ sampanCloud/.test(text)), 'a template was rewritten')
      await writeFile(path.join(root, 'src/sampan/server.js'), `export default '${server.url}'`)
      const { outputFiles } = await build({
        entryPoints: [path.join(root, entry)],
        bundle: true,
        write: false,
        format: 'cjs',
        target: 'es2018',
        jsx: 'transform',
        jsxFactory: 'String',
        banner: { js: 'const view = 0;' },
        plugins: [framework],
      })
      const phone = createPhone({ loginCode: () => server.simulator.loginCode('alice') })
      const module = { exports: {} as { start(): Promise<{ n: number; openId: string }[]> } }
      vm.compileFunction(outputFiles[0]?.text ?? '', ['module', 'exports', 'wx', 'uni'])(
        module,
        module.exports,
        phone.wx,
        {},
      )
      const openId = server.simulator.openidOf('alice')
      assert.deepEqual(await module.exports.start(), [
        { n: 1, openId },
        { n: 2, openId },
      ])
      phone.close()
    })

    it('is taken back to the letter', async () => {
      await undoRedirect(await loadProject(root))
      assert.deepEqual(await texts(), Object.values(files))
    })
  })
}
