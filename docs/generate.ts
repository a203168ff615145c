/**
 * Writes the reference pages that are made from tables: errors, settings, `.env.example`. `--check` only compares.
 * A test runs the check, so that the pages cannot say anything else than the code.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { ERRORS } from '../protocol/src/errors.ts'
import { SETTINGS } from '../server/src/config.ts'

const ROOT = path.resolve(import.meta.dirname, '..')

type Lang = 'en' | 'zh'

/** An example that the configuration page shows. */
const PROJECT_FILE = [
  'export default {',
  "  env: 'prod',",
  '  collections: [',
  "    { name: 'posts', rules: 'READONLY', indexes: [{ fields: { createdAt: -1 } }] },",
  "    { name: 'orders', rules: { read: 'auth.openid == doc._openid', write: false } },",
  '  ],',
  "  sales: [{ id: 'spring', items: [{ id: 'tea', total: 100 }], start: '2026-04-01T20:00:00+08:00', end: '2026-04-02T00:00:00+08:00' }],",
  "  jobs: [{ kind: 'transcode', concurrency: 1 }],",
  '  // first documents of empty collections, in `sampan dev` only',
  "  seed: { posts: [{ _id: 'welcome', title: 'Hello' }] },",
  '  settings: { UPLOAD_LIMIT_BYTES: 5_000_000 },',
  '}',
]

const pages: Record<string, string> = {
  'docs/errors.md': errorsPage('en'),
  'docs/errors.zh-CN.md': errorsPage('zh'),
  'docs/config.md': configPage('en'),
  'docs/config.zh-CN.md': configPage('zh'),
  '.env.example': envExample(),
}

const isCheck = process.argv.includes('--check')
const stale = Object.entries(pages).filter(([file, text]) => current(file) !== text)
if (!isCheck) for (const [file, text] of stale) writeFileSync(path.join(ROOT, file), text)
for (const [file] of stale) process.stdout.write(`${isCheck ? 'stale' : 'written'}: ${file}\n`)
process.exitCode = isCheck && stale.length > 0 ? 1 : 0

function current(file: string): string {
  try {
    return readFileSync(path.join(ROOT, file), 'utf8')
  } catch {
    return '' // not there yet
  }
}

function errorsPage(lang: Lang): string {
  const rows = Object.entries(ERRORS).map(
    ([code, { status, errCode, hint, hintZh }]) =>
      `| \`${code}\` | ${status} | ${errCode} | ${cell(lang === 'zh' ? hintZh : hint)} |`,
  )
  const head =
    lang === 'zh'
      ? [
          '# 错误码',
          '',
          '每个失败的响应都是 `{error: {code, message, hint, details?, requestId, errCode}}`。`code` 供程序判断,`message` 说明这次发生了什么,`hint` 说明接下来怎么做,`errCode` 是云开发中同类错误的编号。用 `requestId` 可以在服务器日志里找到这次请求。',
          '',
          '| code | HTTP | errCode | 接下来怎么做 |',
        ]
      : [
          '# Error codes',
          '',
          'Every failed answer is `{error: {code, message, hint, details?, requestId, errCode}}`. `code` is for programs, `message` says what happened this time, `hint` what to do next, and `errCode` is the number that CloudBase uses for the same failure. The `requestId` finds this request in the log of the server.',
          '',
          '| code | HTTP | errCode | what to do |',
        ]
  return `${[...head, '|---|---|---|---|', ...rows].join('\n')}\n`
}

function configPage(lang: Lang): string {
  const rows = Object.entries(SETTINGS).map(
    ([name, { fallback, about, aboutZh }]) =>
      `| \`${name}\` | ${fallback === '' ? '' : `\`${fallback}\``} | ${cell(lang === 'zh' ? aboutZh : about)} |`,
  )
  const head =
    lang === 'zh'
      ? [
          '# 配置',
          '',
          '所有设置来自环境变量,或项目 `sampan.config.ts` 的 `settings`;环境变量优先。启动时一次性检查,所有问题一起报告。',
          '',
          '| 名称 | 默认值 | 说明 |',
        ]
      : [
          '# Settings',
          '',
          "Settings come from the environment, or from `settings` in the project's `sampan.config.ts`; the environment wins. They are checked once at start, and all problems are reported together.",
          '',
          '| name | default | what it does |',
        ]
  const example = lang === 'zh' ? '## 项目文件 sampan.config.ts' : '## The project file sampan.config.ts'
  return `${[...head, '|---|---|---|', ...rows, '', example, '', '```ts', ...PROJECT_FILE, '```'].join('\n')}\n`
}

function envExample(): string {
  const entries = Object.entries(SETTINGS).map(([name, { fallback, about }]) => `# ${about}\n#${name}=${fallback}`)
  return `# Every setting with its default. Copy to .env, remove the # of what you change.\n\n${entries.join('\n\n')}\n`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
