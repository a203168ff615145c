import path from 'node:path'
import { type Command, UsageError } from '../command.ts'

export const exportCommand: Command = {
  name: 'export',
  summary: { en: 'Write data and files so that CloudBase can import them', zh: '导出数据和文件,可导入云开发' },
  usage: 'sampan export cloudbase OUT [options]',
  examples: [
    'sampan export cloudbase backup/',
    'sampan export cloudbase backup/ --bucket prod-1a2b.7072-prod-1a2b-1250000000',
  ],
  positionals: [
    { name: 'cloudbase', required: true, about: { en: 'Where the data goes', zh: '目标平台' } },
    {
      name: 'OUT',
      required: true,
      about: { en: 'Folder to write: collections/ and files/', zh: '输出目录:collections/ 和 files/' },
    },
  ],
  options: {
    project: {
      type: 'string',
      short: 'p',
      value: 'DIR',
      about: { en: 'Folder of the project (default: .)', zh: '项目目录(默认当前目录)' },
    },
    bucket: {
      type: 'string',
      value: 'ENV.BUCKET',
      about: {
        en: 'Rewrite file addresses in documents to cloud:// ids of this bucket',
        zh: '把记录中的文件地址改写为该存储桶的 cloud://',
      },
    },
    'dry-run': { type: 'boolean', about: { en: 'Count only, write nothing', zh: '只统计,不写入' } },
  },
  async run({ options, positionals: [platform, out = '.'] }, output) {
    if (platform !== 'cloudbase') throw new UsageError(`Cannot export to "${platform}".`, 'sampan export cloudbase OUT')
    const { findServer } = await import('../serve/local-server.ts')
    const { exportCollections, exportFiles, listCollections } = await import('../cloudbase/export-data.ts')
    const { writeCollectionSettings } = await import('../cloudbase/collection-settings.ts')
    const settings = {
      server: await findServer(path.resolve(String(options['project'] ?? '.'))),
      isDryRun: options['dry-run'] === true,
      bucket: options['bucket'] === undefined ? undefined : String(options['bucket']),
      onProgress: output.progress,
    }
    const found = await listCollections(settings.server)
    const collections = await exportCollections(path.join(out, 'collections'), found, settings)
    const files = await exportFiles(path.join(out, 'files'), settings)
    if (!settings.isDryRun) await writeCollectionSettings(out, found, output.lang)
    const documents = collections.reduce((sum, { documents: count }) => sum + count, 0)
    const report = settings.isDryRun ? WOULD_EXPORT : EXPORTED
    const text = report[output.lang]({ collections: collections.length, documents, files, out })
    const { isDryRun } = settings
    output.result(output.json ? JSON.stringify({ collections, files, out, isDryRun }) : text)
    return 0
  },
}

type Counts = { collections: number; documents: number; files: number; out: string }

const EXPORTED = {
  en: ({ collections, documents, files, out }: Counts) =>
    `Exported ${collections} collections, ${documents} documents and ${files} files to ${out}\nNext: import collections/ and files/ in the CloudBase console, then set permissions and indexes by ${out}/collection-settings.md`,
  zh: ({ collections, documents, files, out }: Counts) =>
    `已导出 ${collections} 个集合、${documents} 条记录、${files} 个文件到 ${out}\n接下来:在云开发控制台导入 collections/ 与 files/,再按 ${out}/collection-settings.md 设置权限和索引`,
}
const WOULD_EXPORT = {
  en: ({ collections, documents, files, out }: Counts) =>
    `Would export ${collections} collections, ${documents} documents and ${files} files to ${out}\nNext: run it again without --dry-run`,
  zh: ({ collections, documents, files, out }: Counts) =>
    `将导出 ${collections} 个集合、${documents} 条记录、${files} 个文件到 ${out}\n接下来:去掉 --dry-run 再运行一次`,
}
