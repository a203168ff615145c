import path from 'node:path'
import type { JobState, JobStatus } from '@sampan/protocol/jobs'
import { type Command, type Output, UsageError } from '../command.ts'
import { askConsole } from '../serve/ask-console.ts'
import { findServer } from '../serve/local-server.ts'

const STATES: readonly JobState[] = ['waiting', 'running', 'done', 'dead', 'cancelled']
const ACTIONS = ['list', 'retry', 'cancel', 'discard']

type List = { readonly jobs: readonly JobStatus[]; readonly counts: Readonly<Record<JobState, number>> }

export const jobs: Command = {
  name: 'jobs',
  summary: { en: 'Look at background jobs, begin dead ones again', zh: '查看后台任务,重试或丢弃失败的任务' },
  usage: 'sampan jobs [list|retry|cancel|discard] [ID] [options]',
  examples: ['sampan jobs', 'sampan jobs list --state running --json', 'sampan jobs retry jmhz4k2c80a1b2c3d4e5f6a7b'],
  positionals: [
    { name: 'list|retry|cancel|discard', about: { en: 'What to do (default: list)', zh: '操作(默认 list)' } },
    { name: 'ID', about: { en: 'The job', zh: '任务 id' } },
  ],
  options: {
    state: {
      type: 'string',
      value: 'STATE',
      about: { en: `Of which state: ${STATES.join(', ')} (default: dead)`, zh: `状态:${STATES.join('、')}(默认 dead)` },
    },
    project: {
      type: 'string',
      short: 'p',
      value: 'DIR',
      about: { en: 'Folder of the project (default: .)', zh: '项目目录(默认当前目录)' },
    },
  },
  async run({ options, positionals: [action = 'list', id] }, output) {
    const isZh = output.lang === 'zh'
    const state = String(options['state'] ?? 'dead')
    if (!ACTIONS.includes(action))
      throw new UsageError(
        isZh ? `不支持“${action}”。` : `jobs cannot "${action}".`,
        `sampan jobs ${ACTIONS.join('|')}`,
      )
    if (!STATES.some((known) => known === state))
      throw new UsageError(isZh ? `没有“${state}”这种状态。` : `There is no state "${state}".`, STATES.join(', '))
    if (action !== 'list' && !id)
      throw new UsageError(isZh ? '请写明任务 id。' : 'Say which job.', `sampan jobs ${action} ID`)

    const server = await findServer(path.resolve(String(options['project'] ?? '.')))
    if (action === 'list') {
      const list = await askConsole<List>(server, 'GET', `/jobs?state=${state}`)
      output.result(output.json ? JSON.stringify(list) : renderJobs(list, output))
      return 0
    }
    const answer = await askConsole<object>(server, 'POST', `/jobs/${encodeURIComponent(id ?? '')}/${action}`)
    output.result(output.json ? JSON.stringify(answer) : isZh ? '完成。' : 'Done.')
    return 0
  },
}

/** One line each, and what to do with dead ones. */
function renderJobs({ jobs: found, counts }: List, { lang }: Output): string {
  const head = STATES.map((state) => `${state} ${counts[state]}`).join(' · ')
  const lines = found.map(({ id, kind, state, progress, attempts, maxAttempts, error, message }) =>
    [id, kind, state, `${progress}%`, `${attempts}/${maxAttempts}`, error ?? message].join('  '),
  )
  const hint = lang === 'zh' ? '重试:sampan jobs retry ID' : 'Begin one again: sampan jobs retry ID'
  return [head, ...lines, ...(found.some(({ state }) => state === 'dead') ? [hint] : [])].join('\n')
}
