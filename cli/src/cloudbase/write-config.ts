/** `sampan.config.ts` for an examined project: its collections with the indexes that its queries want. */
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { isOnlyShown } from './collection-usage.ts'
import type { Examination } from './examine-project.ts'

const USES = {
  en: { pages: 'pages:', onlyShown: 'only read by pages, so ADMINWRITE or READONLY if everybody may see it' },
  zh: { pages: '页面:', onlyShown: '页面只读;若应对所有人可见,请改为 ADMINWRITE 或 READONLY' },
}

const ABOUT = {
  en: [
    '// What this server keeps for the mini program. CloudBase holds permissions and indexes in its console, not in the code:',
    '// check `rules` of each collection. PRIVATE: only the creator reads and writes (the default of CloudBase).',
    '// READONLY: everybody reads, the creator writes. ADMINWRITE: everybody reads. ADMINONLY: functions only.',
  ],
  zh: [
    '// 服务器为小程序保存的数据。云开发的权限和索引保存在其控制台,代码里没有:请逐个核对 rules。',
    '// PRIVATE:仅创建者可读写(云开发默认)。READONLY:所有人可读,仅创建者可写。',
    '// ADMINWRITE:所有人可读。ADMINONLY:仅云函数可读写。',
  ],
}

/** Writes it unless the project has one. @returns whether it was written */
export async function writeConfig(root: string, examination: Examination, lang: 'en' | 'zh'): Promise<boolean> {
  const place = path.join(root, 'sampan.config.ts')
  if (existsSync(place)) return false
  await writeFile(place, renderConfig(examination, lang))
  return true
}

function renderConfig({ collections }: Examination, lang: 'en' | 'zh'): string {
  const rows = collections.map((usage) => {
    const { name, indexes, fromPages } = usage
    const about = isOnlyShown(usage) ? USES[lang].onlyShown : `${USES[lang].pages} ${fromPages.join(', ')}`
    const list = indexes.map((fields) => `{ fields: ${objectText(fields)} }`).join(', ')
    return `    { name: '${name}', rules: 'PRIVATE', indexes: [${list}] },${fromPages.length > 0 ? ` // ${about}` : ''}`
  })
  return [...ABOUT[lang], 'export default {', '  collections: [', ...rows, '  ],', '}', ''].join('\n')
}

const objectText = (fields: Record<string, number>) =>
  `{ ${Object.entries(fields)
    .map(([name, way]) => `${/^[A-Za-z_]\w*$/.test(name) ? name : JSON.stringify(name)}: ${way}`)
    .join(', ')} }`
