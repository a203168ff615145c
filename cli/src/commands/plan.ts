import path from 'node:path'
import {
  plan as computePlan,
  createBundle,
  PlanInputError,
  type PlanResult,
  parseCapacity,
  renderHtml,
  renderMermaid,
  renderReport,
  renderSvg,
} from '@sampan/planner'
import { type Command, type Output, UsageError } from '../command.ts'
import { type Check, checkBundle } from '../plan/check-bundle.ts'
import { inputFromOptions, PLAN_OPTIONS } from '../plan/plan-options.ts'
import { readJson } from '../plan/read-json.ts'
import { writeBundle } from '../plan/write-bundle.ts'

export const plan: Command = {
  name: 'plan',
  summary: {
    en: 'Is one light server enough? Verdict, price, drawing and working configuration',
    zh: '一台轻量服务器够不够?给出结论、价格、架构图与可用配置',
  },
  usage: 'sampan plan [options]',
  examples: [
    'sampan plan --type shop --dau 5000 --peak-online 300 --features upload,pay,flash-sale',
    'sampan plan --type shop --dau 5000 --images server --bundle 2c4g6m',
    'sampan plan --input plan.json --html > plan.html',
    'sampan plan --type booking --dau 2000 --out deploy --domain api.example.com',
    'sampan plan --check deploy',
  ],
  options: PLAN_OPTIONS,
  async run({ options }, output) {
    if (options['check'] !== undefined) return check(path.resolve(String(options['check'])), output)
    const result = await answer(options, output)
    if (options['out'] !== undefined) await write(result, options, output)
    output.result(await render(result, options, output))
    return 0
  },
}

/** The input comes from flags and file; a terminal asks for what is missing. */
async function answer(options: Record<string, unknown>, output: Output): Promise<PlanResult> {
  const fromFile = options['input'] === undefined ? {} : await readJson(String(options['input']))
  const stated =
    typeof fromFile === 'object' && fromFile !== null && !Array.isArray(fromFile)
      ? { ...fromFile, ...inputFromOptions(options) }
      : fromFile
  const isEmpty = typeof stated === 'object' && stated !== null && Object.keys(stated).length === 0
  const input = isEmpty && output.isInteractive ? await ask(output) : stated
  const measured = options['capacity'] === undefined ? undefined : await readJson(String(options['capacity']))
  try {
    return computePlan(input, { capacity: measured === undefined ? undefined : parseCapacity(measured) })
  } catch (error) {
    if (error instanceof PlanInputError) throw new UsageError(error.text[output.lang], error.hint[output.lang])
    throw error
  }
}

async function ask({ lang }: Output): Promise<Record<string, unknown>> {
  const { askPlan } = await import('../plan/ask-plan.ts') // loaded only when there is somebody to ask
  return askPlan({}, lang)
}

async function write(result: PlanResult, options: Record<string, unknown>, { lang, progress }: Output): Promise<void> {
  const directory = path.resolve(String(options['out']))
  const { domain, nginx } = options
  const files = await createBundle(result, {
    ...(domain === undefined ? {} : { domain: String(domain) }),
    ...(nginx === undefined ? {} : { nginxVersion: String(nginx) }),
  }).catch((error: unknown) => {
    if (error instanceof RangeError) throw new UsageError(error.message, 'Example: --domain api.example.com')
    throw error
  })
  await writeBundle(directory, files, options['force'] === true)
  const shown = path.relative(process.cwd(), directory) || '.'
  progress(
    lang === 'zh'
      ? `已写入 ${files.length} 个文件到 ${shown};先读 ${shown}/README.zh-CN.md,再运行 sampan plan --check ${shown}`
      : `Wrote ${files.length} files to ${shown}; read ${shown}/README.md first, then run sampan plan --check ${shown}`,
  )
}

async function render(result: PlanResult, options: Record<string, unknown>, { json, lang }: Output): Promise<string> {
  if (json) return JSON.stringify(result, null, 2)
  if (options['html'] === true) return (await renderHtml(result, lang)).trimEnd()
  if (options['svg'] === true) return (await renderSvg(result, { lang })).trimEnd()
  if (options['mermaid'] === true) return renderMermaid(result, lang).trimEnd()
  return renderReport(result, lang).trimEnd()
}

async function check(directory: string, { json, lang, result }: Output): Promise<number> {
  const checks = await checkBundle(directory).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(
      `Cannot read ${directory}: ${error.code ?? error.message}.`,
      'Write one first: sampan plan --out DIR',
    )
  })
  if (checks.length === 0)
    throw new UsageError(`Nothing to check in ${directory}.`, 'Write a bundle first: sampan plan --out DIR')
  result(json ? JSON.stringify({ checks }, null, 2) : checks.map((one) => renderCheck(one, lang)).join('\n'))
  return checks.some(({ outcome }) => outcome === 'failed') ? 1 : 0
}

const MARKS = { passed: '✓', failed: '✗', 'left-out': '–' } as const

function renderCheck({ file, program, outcome, detail }: Check, lang: 'zh' | 'en'): string {
  const words = outcome === 'left-out' ? (lang === 'zh' ? ` 未安装,未检查` : ' not installed, not checked') : ''
  const more =
    detail && outcome === 'failed' ? `\n    ${detail.replaceAll('\n', '\n    ')}` : detail ? `  ${detail}` : ''
  return `${MARKS[outcome]} ${file}  ${program}${words}${more}`
}
