import path from 'node:path'
import { type Command, type CommandInput, type Output, UsageError } from '../command.ts'

export const importCommand: Command = {
  name: 'import',
  summary: {
    en: 'Bring a CloudBase project, its data and files to Sampan',
    zh: '把云开发项目及其数据、文件迁入 Sampan',
  },
  usage: 'sampan import cloudbase DIR [options]',
  examples: [
    'sampan import cloudbase my-app --dry-run',
    'sampan import cloudbase my-app',
    'sampan import cloudbase my-app --collections exported/ --files downloaded/ --public-url https://api.example.com',
    'sampan import cloudbase my-app --undo',
  ],
  positionals: [
    { name: 'cloudbase', required: true, about: { en: 'Where the project comes from', zh: '来源平台' } },
    { name: 'DIR', required: true, about: { en: 'Folder of the project', zh: '项目目录' } },
  ],
  options: {
    'dry-run': { type: 'boolean', about: { en: 'Report only, change nothing', zh: '只报告,不改动' } },
    undo: { type: 'boolean', about: { en: 'Take the change of the pages back', zh: '撤销对页面的改动' } },
    collections: {
      type: 'string',
      value: 'DIR',
      about: {
        en: 'Import exported collections (JSON Lines, CSV) into the running server',
        zh: '把导出的集合(JSON Lines、CSV)导入正在运行的服务器',
      },
    },
    files: {
      type: 'string',
      value: 'DIR',
      about: { en: 'Upload downloaded files under their paths', zh: '按路径上传已下载的文件' },
    },
    'public-url': {
      type: 'string',
      value: 'URL',
      about: { en: 'Rewrite cloud:// ids in documents to this address', zh: '把记录中的 cloud:// 改写为该地址' },
    },
  },
  async run(input, output) {
    const [platform, folder = '.'] = input.positionals
    if (platform !== 'cloudbase')
      throw new UsageError(`Cannot import from "${platform}".`, 'sampan import cloudbase DIR')
    const { loadProject } = await import('../project/load-project.ts')
    const project = await loadProject(folder)
    if (input.options['undo']) return undo(project, output)
    if (input.options['collections'] || input.options['files']) return importData(project, input, output)
    return importProject(project, input.options['dry-run'] === true, output)
  },
}

type Project = Awaited<ReturnType<typeof import('../project/load-project.ts')['loadProject']>>

async function importProject(project: Project, isDryRun: boolean, output: Output): Promise<number> {
  const { bundledClient } = await import('../cloudbase/bundled-client.ts')
  const { examineProject } = await import('../cloudbase/examine-project.ts')
  const { clientFolder, planPageEdits } = await import('../cloudbase/page-edits.ts')
  const { redirectPages } = await import('../cloudbase/redirect-pages.ts')
  const { renderExamination } = await import('../cloudbase/render-examination.ts')
  const { writeConfig } = await import('../cloudbase/write-config.ts')

  const examination = await examineProject(project)
  const edits = await planPageEdits(project)
  if (!isDryRun) await redirectPages(project, edits, await bundledClient())
  const hasConfig = isDryRun ? false : await writeConfig(project.root, examination, output.lang)
  const changes = edits.map(({ file, uses }) => ({ file: path.relative(project.root, file), uses }))
  if (output.json) output.result(JSON.stringify({ ...examination, changes, isDryRun }))
  else
    output.result(
      `${renderExamination(examination, output.lang)}\n\n${changeReport(changes, { isDryRun, hasConfig, clientFolder: clientFolder(project) }, output.lang)}`,
    )
  return 0
}

function changeReport(
  changes: readonly { file: string; uses: number }[],
  { isDryRun, hasConfig, clientFolder }: { isDryRun: boolean; hasConfig: boolean; clientFolder: string },
  lang: 'zh' | 'en',
) {
  const zh = lang === 'zh'
  const rows = changes.map(({ file, uses }) => `  • ${file} (${uses} × wx.cloud → sampanCloud)`)
  const head = isDryRun ? (zh ? '将会改动' : 'Would change') : zh ? '已改动' : 'Changed'
  const config = hasConfig ? [zh ? '  • 新增 sampan.config.ts' : '  • sampan.config.ts added'] : []
  const next = isDryRun
    ? zh
      ? '接下来:去掉 --dry-run 再运行一次'
      : 'Next: run it again without --dry-run'
    : zh
      ? `接下来:sampan dev;撤销改动:sampan import cloudbase DIR --undo;服务器地址在 ${clientFolder}/server.js`
      : `Next: sampan dev. Take it back: sampan import cloudbase DIR --undo. The address of the server is in ${clientFolder}/server.js`
  return [head, ...rows, ...config, '', next].join('\n')
}

async function importData(project: Project, { options }: CommandInput, output: Output): Promise<number> {
  const { findServer } = await import('../serve/local-server.ts')
  const { importCollections, importFiles } = await import('../cloudbase/import-data.ts')
  const settings = {
    server: await findServer(project.root),
    isDryRun: options['dry-run'] === true,
    publicUrl: options['public-url'] === undefined ? undefined : String(options['public-url']),
    env: project.env,
    onProgress: output.progress,
  }
  const collections = options['collections'] ? await importCollections(String(options['collections']), settings) : []
  const files = options['files'] ? await importFiles(String(options['files']), settings) : { uploaded: 0, problems: [] }
  const lines = collections.flatMap(({ collection, read, added, replaced, problems }) => [
    output.lang === 'zh'
      ? `${collection}:读取 ${read},新增 ${added},替换 ${replaced},未导入 ${problems.length}`
      : `${collection}: read ${read}, added ${added}, replaced ${replaced}, left out ${problems.length}`,
    ...problems.map(({ row, problem }) => `  ${row}: ${problem}`),
  ])
  if (options['files'])
    lines.push(
      output.lang === 'zh'
        ? `文件:上传 ${files.uploaded},失败 ${files.problems.length}`
        : `files: uploaded ${files.uploaded}, failed ${files.problems.length}`,
    )
  lines.push(...files.problems.map(({ file, problem }) => `  ${file}: ${problem}`))
  output.result(output.json ? JSON.stringify({ collections, files }) : lines.join('\n'))
  const isWhole = collections.every(({ problems }) => problems.length === 0) && files.problems.length === 0
  return isWhole ? 0 : 1
}

async function undo(project: Project, output: Output): Promise<number> {
  const { undoRedirect } = await import('../cloudbase/redirect-pages.ts')
  const { restored } = await undoRedirect(project)
  const text =
    output.lang === 'zh' ? `已还原 ${restored.length} 个文件。` : `${restored.length} files are as they were.`
  output.result(output.json ? JSON.stringify({ restored }) : text)
  return 0
}
