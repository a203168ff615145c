import path from 'node:path'
import { type Command, UsageError } from '../command.ts'

const KEPT_BACKUPS = 7

export const backup: Command = {
  name: 'backup',
  summary: { en: 'Copy the database and the files while the server runs', zh: '在服务器运行时备份数据库和文件' },
  usage: 'sampan backup [options]',
  examples: [
    'sampan backup',
    'sampan backup --out /mnt/backups --keep 30',
    'sampan backup --verify /mnt/backups/2026-11-22T03-00-00-000Z',
  ],
  options: {
    project: {
      type: 'string',
      short: 'p',
      value: 'DIR',
      about: { en: 'Folder of the project (default: .)', zh: '项目目录(默认当前目录)' },
    },
    data: {
      type: 'string',
      value: 'DIR',
      about: { en: 'Data folder (default: .sampan/data in the project)', zh: '数据目录(默认项目内的 .sampan/data)' },
    },
    out: {
      type: 'string',
      value: 'DIR',
      about: {
        en: 'Where backups go (default: backups in the data folder)',
        zh: '备份存放目录(默认数据目录内的 backups)',
      },
    },
    keep: {
      type: 'number',
      value: 'N',
      about: { en: `Backups to keep (default: ${KEPT_BACKUPS})`, zh: `保留的份数(默认 ${KEPT_BACKUPS})` },
    },
    verify: { type: 'string', value: 'DIR', about: { en: 'Compare a backup with its manifest', zh: '校验一份备份' } },
  },
  async run({ options }, output) {
    const { backUp, removeOldBackups, verifyBackup } = await import('../backup/back-up.ts')
    const zh = output.lang === 'zh'
    if (options['verify']) {
      const problems = await verifyBackup(String(options['verify']))
      const text = problems.length > 0 ? problems.join('\n') : zh ? '备份完整。' : 'The backup is whole.'
      output.result(output.json ? JSON.stringify({ problems }) : text)
      return problems.length > 0 ? 1 : 0
    }
    const keep = Number(options['keep'] ?? KEPT_BACKUPS)
    if (!Number.isSafeInteger(keep) || keep < 1)
      throw new UsageError('--keep must be a whole number of at least 1.', 'sampan backup --keep 7')
    const dataDir = path.resolve(
      String(options['data'] ?? path.join(String(options['project'] ?? '.'), '.sampan', 'data')),
    )
    const out = path.resolve(String(options['out'] ?? path.join(dataDir, 'backups')))

    const made = await backUp(dataDir, out, new Date(), output.progress)
    const removed = await removeOldBackups(out, keep)
    const bytes = made.entries.reduce((sum, entry) => sum + entry.bytes, 0)
    const megabytes = (bytes / 1024 / 1024).toFixed(1)
    output.result(
      output.json
        ? JSON.stringify({ place: made.place, files: made.entries.length, bytes, removed })
        : zh
          ? `已备份 ${made.entries.length} 个文件、${megabytes} MB 到 ${made.place}\n恢复:停止服务器,把内容放回 ${dataDir}。secret.key 不在备份中,请另行保存。`
          : `Backed up ${made.entries.length} files, ${megabytes} MB, to ${made.place}\nTo restore: stop the server, put the contents back into ${dataDir}. secret.key is not in it: keep it elsewhere.`,
    )
    return 0
  },
}
