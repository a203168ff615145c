import assert from 'node:assert/strict'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { listDataFiles, readDocuments } from '../../src/cloudbase/data-files.ts'
import { examineProject } from '../../src/cloudbase/examine-project.ts'
import { toCloudIds, toHttpsIds } from '../../src/cloudbase/file-ids.ts'
import { planPageEdits } from '../../src/cloudbase/page-edits.ts'
import { redirectPages, undoRedirect } from '../../src/cloudbase/redirect-pages.ts'
import { renderExamination } from '../../src/cloudbase/render-examination.ts'
import { writeConfig } from '../../src/cloudbase/write-config.ts'
import { loadProject } from '../../src/project/load-project.ts'

const FILES = {
  'project.config.json':
    '{"projectname":"blog","appid":"wx00000000000000aa","miniprogramRoot":"miniprogram/","cloudfunctionRoot":"cloudfunctions/"}',
  'miniprogram/app.js': `'use strict'\n// wx.cloud in a comment stays\nApp({ globalData: { postCollection: 'posts' }, onLaunch() { wx.cloud.init({ env: 'prod' }); const text = 'wx.cloud in a text stays' } })\n`,
  'miniprogram/pages/list/list.js':
    "Page({ load() { const db = wx.cloud.database()\n  return db.collection(getApp().globalData.postCollection).where({ status: 'open', 'author.id': this.id }).orderBy('createdAt', 'desc').get() },\n  call() { wx . cloud.callFunction({ name: 'x' }); wx.cloud.unknownThing() }, cover: 'cloud://prod.7072/cover.png' })\n",
  'miniprogram/pages/list/list.wxml': '<image src="cloud://prod.7072/logo.png"/>\n',
  'miniprogram/pages/plain/plain.js': "Page({ tap() { other.wx.cloud.x(); wx.showToast({ title: 'hi' }) } })\n",
  'cloudfunctions/publish/index.js':
    "const cloud = require('wx-server-sdk')\ncloud.init()\nexports.main = async () => cloud.database().collection('drafts').where({ ready: true }).get()\n",
  'cloudfunctions/publish/package.json': '{"dependencies":{"wx-server-sdk":"~2.6.3"}}',
  'cloudfunctions/publish/config.json': '{"triggers":[{"name":"t","type":"timer","config":"0 0 2 * * * *"}]}',
  'cloudfunctions/empty/readme.txt': 'no entry here',
}

const BUNDLE = { client: 'module.exports = { init() {} }', realtime: 'module.exports = {}' }

describe('import cloudbase', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'sampan-import-'))
    for (const [name, text] of Object.entries(FILES)) {
      await mkdir(path.dirname(path.join(folder, 'blog', name)), { recursive: true })
      await writeFile(path.join(folder, 'blog', name), text)
    }
  })
  after(() => rm(folder, { recursive: true, force: true }))

  const copy = async (name: string) => {
    await cp(path.join(folder, 'blog'), path.join(folder, name), { recursive: true })
    return loadProject(path.join(folder, name))
  }
  const contents = async (root: string) => {
    const entries = await readdir(root, { recursive: true, withFileTypes: true })
    const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name))
    return Object.fromEntries(
      await Promise.all(files.map(async (file) => [path.relative(root, file), await readFile(file, 'utf8')])),
    )
  }

  it('tells what the project uses, and what needs attention with file and line', async () => {
    const found = await examineProject(await copy('examined'))
    assert.deepEqual(found.functions, [{ name: 'publish', sdk: '~2.6.3', timers: 1 }])
    assert.deepEqual(found.clientApis, { init: 1, database: 1, callFunction: 1, unknownThing: 1 })
    assert.deepEqual(found.pages.withCloud, ['miniprogram/app.js', 'miniprogram/pages/list/list.js'])
    assert.deepEqual(found.cloudIds, [
      { file: 'miniprogram/pages/list/list.js', line: 3 },
      { file: 'miniprogram/pages/list/list.wxml', line: 1 },
    ])
    assert.deepEqual(
      found.attention.map(({ topic, what, line }) => [topic, what, line]),
      [
        ['no-entry', 'empty', 1],
        ['api', 'wx.cloud.unknownThing', 3],
      ],
    )
    for (const lang of ['zh', 'en'] as const) assert.match(renderExamination(found, lang), /unknownThing/)
  })

  it('finds collections named by constants, who uses them, and the indexes their queries want', async () => {
    const { collections } = await examineProject(await copy('collections'))
    assert.deepEqual(collections, [
      { name: 'drafts', fromPages: [], fromFunctions: ['get'], mayBeFromPages: false, indexes: [{ ready: 1 }] },
      {
        name: 'posts',
        fromPages: ['get'],
        fromFunctions: [],
        mayBeFromPages: false,
        indexes: [{ status: 1, 'author.id': 1, createdAt: -1 }],
      },
    ])
  })

  it('warns of pages that would stay empty under the default rule, in the report and in the configuration', async () => {
    const project = await copy('shown')
    const found = await examineProject(project)
    assert.match(renderExamination(found, 'zh'), /posts: .*ADMINWRITE/)
    assert.equal(await writeConfig(project.root, found, 'en'), true)
    const text = await readFile(path.join(project.root, 'sampan.config.ts'), 'utf8')
    assert.match(text, /name: 'posts', rules: 'PRIVATE', .* \/\/ only read by pages/)
    assert.match(text, /name: 'drafts', rules: 'PRIVATE', indexes: \[.*\] },\n/)
    assert.equal((await loadProject(project.root)).collections.length, 2)
  })

  it('does not say "functions only" where pages name collections at run time', async () => {
    const project = await copy('unnamed')
    const page = path.join(project.miniprogramRoot, 'pages/chat/chat.js')
    await mkdir(path.dirname(page), { recursive: true })
    await writeFile(page, 'Component({ load() { return wx.cloud.database().collection(this.properties.list).get() } })')
    const { collections } = await examineProject(project)
    assert.deepEqual(
      collections.map(({ name, mayBeFromPages }) => [name, mayBeFromPages]),
      [
        ['drafts', true],
        ['posts', false],
      ],
    )
  })

  it('names the variables that functions read and only the console of CloudBase sets', async () => {
    const project = await copy('variables')
    const place = path.join(project.root, 'cloudfunctions/publish/index.js')
    await writeFile(
      place,
      'exports.main = () => [process.env.TCB_ENV,\nprocess.env.AUTHOR, process.env.AUTHOR, process.env.KEY]',
    )
    await writeFile(path.join(path.dirname(place), 'config.json'), '{"envVariables":{"KEY":"k"}}')
    const { attention } = await examineProject(project)
    assert.deepEqual(
      attention.filter(({ topic }) => topic === 'variable'),
      [{ file: 'cloudfunctions/publish/index.js', line: 2, topic: 'variable', what: 'process.env.AUTHOR' }],
    )
  })

  it('rewrites wx.cloud in code, not in comments, texts or other objects', async () => {
    const project = await copy('edits')
    const edits = await planPageEdits(project)
    assert.deepEqual(
      edits.map(({ file, uses }) => [path.relative(project.root, file), uses]),
      [
        ['miniprogram/app.js', 1],
        ['miniprogram/pages/list/list.js', 3],
      ],
    )
    const [app, list] = edits
    assert.match(
      String(app?.after),
      /^'use strict'\nconst sampanCloud = require\('.\/sampan\/index.js'\);\n\/\/ wx.cloud in a comment stays\n/,
    )
    assert.match(String(app?.after), /sampanCloud\.init\(\{ env: 'prod' \}\); const text = 'wx.cloud in a text stays'/)
    assert.match(String(list?.after), /^const sampanCloud = require\('..\/..\/sampan\/index.js'\)/)
    assert.match(String(list?.after), /sampanCloud\.callFunction/)
  })

  it('leaves assignments to wx.cloud alone, and says so', async () => {
    const project = await copy('assigned')
    const place = path.join(project.miniprogramRoot, 'mock.js')
    await writeFile(place, 'if (web) wx.cloud = mock()\nif (wx.cloud === mock) wx.cloud.init()\n')
    const edit = (await planPageEdits(project)).find(({ file }) => file === place)
    assert.match(
      String(edit?.after),
      /if \(web\) wx\.cloud = mock\(\)\nif \(sampanCloud === mock\) sampanCloud\.init\(\)/,
    )
    const { attention } = await examineProject(project)
    assert.deepEqual(
      attention.filter(({ topic }) => topic === 'cloud-assigned').map(({ file, line }) => [file, line]),
      [['miniprogram/mock.js', 1]],
    )
  })

  it('takes the change back to the letter', async () => {
    const project = await copy('undone')
    const before = await contents(project.root)
    await redirectPages(project, await planPageEdits(project), BUNDLE)
    assert.notDeepEqual(await contents(project.root), before)
    await undoRedirect(project)
    assert.deepEqual(await contents(project.root), before)
  })

  it('does not overwrite what somebody wrote after the import', async () => {
    const project = await copy('edited-since')
    await redirectPages(project, await planPageEdits(project), BUNDLE)
    const place = path.join(project.root, 'miniprogram/app.js')
    await writeFile(place, 'App({ mine: true })')
    await assert.rejects(undoRedirect(project), { name: 'CommandError', message: /miniprogram\/app\.js/ })
    assert.equal(await readFile(place, 'utf8'), 'App({ mine: true })')
    await assert.rejects(redirectPages(project, [], BUNDLE), { name: 'CommandError' })
  })

  it('reads JSON Lines and CSV as CloudBase exports them, naming bad rows', async () => {
    const data = path.join(folder, 'data')
    await mkdir(data)
    await writeFile(
      path.join(data, 'posts.json'),
      '\uFEFF{"_id":"a","at":{"$date":"2026-01-01T00:00:00.000Z"}}\r\n\r\n{broken\n[1]\n{"_id":"b"}',
    )
    await writeFile(
      path.join(data, 'database_export-users.csv'),
      '_id,name,age,vip,phone,address.city,tags\n1,"Li, Lei",30,true,+8613800000000,杭州,"[1,2]"\n2,,007,false,,,\n',
    )
    await writeFile(path.join(data, 'readme.txt'), 'not data')
    const files = await listDataFiles(data)
    assert.deepEqual(
      files.map(({ collection, kind }) => [collection, kind]),
      [
        ['users', 'csv'],
        ['posts', 'lines'],
      ],
    )
    const rows = await Promise.all(files.map((file) => Array.fromAsync(readDocuments(file))))
    assert.deepEqual(rows[0], [
      {
        row: 2,
        document: {
          _id: '1',
          name: 'Li, Lei',
          age: 30,
          vip: true,
          phone: '+8613800000000',
          address: { city: '杭州' },
          tags: [1, 2],
        },
      },
      { row: 3, document: { _id: '2', age: '007', vip: false } },
    ])
    assert.deepEqual(
      rows[1]?.map(({ row, problem, document }) => [row, Boolean(problem), document?._id]),
      [
        [1, false, 'a'],
        [3, true, undefined],
        [4, true, undefined],
        [5, false, 'b'],
      ],
    )
  })

  it('rewrites file ids in documents there and back', () => {
    const document = {
      _id: 'a',
      cover: 'cloud://prod.7072/夏 1/x.png',
      list: [{ id: 'cloud://prod.7072/y.png' }],
      link: 'https://elsewhere.example/cloud',
    }
    const moved = toHttpsIds(document, 'https://api.example.com/', 'prod')
    assert.deepEqual(moved, {
      ...document,
      cover: 'https://api.example.com/cloud/prod/%E5%A4%8F%201/x.png',
      list: [{ id: 'https://api.example.com/cloud/prod/y.png' }],
    })
    assert.deepEqual(toCloudIds(moved, 'prod.7072'), document)
  })
})
