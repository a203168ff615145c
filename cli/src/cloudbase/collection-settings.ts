/**
 * Rules and indexes beside the exported data. CloudBase keeps both in its console and imports neither, so they are written
 * twice: for a person who sets them there, and for `sampan import`, which reads them again.
 */
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { CollectionDefinition } from '@sampan/server/features/documents/document-request'

const FILE = 'collection-settings.json'
const NOTES = 'collection-settings.md'

const TEXT = {
  en: {
    title: '# To set by hand in the CloudBase console',
    about: 'CloudBase imports data, but neither permissions nor indexes.',
    rules: 'permission',
    index: 'index',
    modes: {
      READONLY: 'all may read, the creator may write',
      PRIVATE: 'only the creator may read and write',
      ADMINWRITE: 'all may read, nobody may write',
      ADMINONLY: 'nobody may read or write',
    },
    own: 'security rule',
    unique: ', unique',
  },
  zh: {
    title: '# 需在云开发控制台手动设置',
    about: '云开发可以导入数据,但不能导入权限和索引。',
    rules: '权限',
    index: '索引',
    modes: {
      READONLY: '所有用户可读,仅创建者可读写',
      PRIVATE: '仅创建者可读写',
      ADMINWRITE: '所有用户可读',
      ADMINONLY: '所有用户不可读写',
    },
    own: '自定义安全规则',
    unique: ',唯一',
  },
}

/** Writes both files. @returns their names */
export async function writeCollectionSettings(
  folder: string,
  collections: readonly CollectionDefinition[],
  lang: 'en' | 'zh',
): Promise<string[]> {
  const plain = collections.map(({ name, rules, indexes }) => ({ name, rules, indexes }))
  await writeFile(path.join(folder, FILE), `${JSON.stringify(plain, null, 2)}\n`)
  await writeFile(path.join(folder, NOTES), renderNotes(plain, lang))
  return [FILE, NOTES]
}

/** What an export wrote beside this folder of collections; empty if it came from CloudBase. */
export async function readCollectionSettings(collectionsFolder: string): Promise<CollectionDefinition[]> {
  const place = path.join(path.dirname(path.resolve(collectionsFolder)), FILE)
  if (!existsSync(place)) return []
  return JSON.parse(await readFile(place, 'utf8')) as CollectionDefinition[] // safe: the server checks every field
}

function renderNotes(collections: readonly CollectionDefinition[], lang: 'en' | 'zh'): string {
  const text = TEXT[lang]
  const sections = collections.flatMap(({ name, rules, indexes }) => [
    '',
    `## ${name}`,
    '',
    typeof rules === 'string'
      ? `- ${text.rules}: ${rules} (${text.modes[rules]})`
      : `- ${text.rules}: ${text.own} \`${JSON.stringify(rules)}\``,
    ...indexes.map(
      ({ name: index, fields, unique }) =>
        `- ${text.index}: ${index ?? ''} \`${JSON.stringify(fields)}\`${unique ? text.unique : ''}`,
    ),
  ])
  return [text.title, '', text.about, ...sections, ''].join('\n')
}
