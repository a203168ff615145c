/** The project and its running server: secrets, collections and their rules, alarms, whether the server answers. */
import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import path from 'node:path'
import { both, type Finding } from './finding.ts'

export type Collection = {
  readonly name: string
  readonly documents: number
  readonly rules: unknown
  readonly indexes: readonly { readonly fields: Readonly<Record<string, unknown>> }[]
}
export type RunningFacts = {
  readonly collections: readonly Collection[]
  readonly alarmChannels: number
  readonly hasHeartbeat: boolean
}

const SECRET_CHARACTERS_MIN = 32
const DISTINCT_CHARACTERS_MIN = 12
const SMALL_COLLECTION = 1_000
const GROUP_AND_OTHERS = 0o077

export async function checkSecrets({ secretKey, dataDir }: { secretKey: string; dataDir: string }): Promise<Finding[]> {
  const file = path.join(dataDir, 'secret.key')
  const isWeak =
    secretKey !== '' && (secretKey.length < SECRET_CHARACTERS_MIN || new Set(secretKey).size < DISTINCT_CHARACTERS_MIN)
  const findings: Finding[] = [
    {
      id: 'secret-key',
      level: isWeak ? 'bad' : secretKey ? 'good' : 'warn',
      title: isWeak
        ? both('SECRET_KEY can be guessed', 'SECRET_KEY 过于简单')
        : secretKey
          ? both('SECRET_KEY is set', '已设置 SECRET_KEY')
          : both('SECRET_KEY lies beside the data', 'SECRET_KEY 与数据放在一起'),
      ...((isWeak || !secretKey) && { fix: 'openssl rand -base64 32   # keep it apart from backups' }),
    },
  ]
  if (existsSync(file) && (await stat(file)).mode & GROUP_AND_OTHERS) {
    findings.push({
      id: 'secret-file',
      level: 'bad',
      title: both('Others on this machine can read secret.key', '本机其他用户可读取 secret.key'),
      fix: `chmod 600 ${file}`,
    })
  }
  return findings
}

export function checkRunning({ collections, alarmChannels, hasHeartbeat }: RunningFacts): Finding[] {
  return [
    ...collections.flatMap(checkCollection),
    {
      id: 'alarms',
      level: alarmChannels ? 'good' : 'warn',
      title: alarmChannels
        ? both('Alarms reach somebody', '告警渠道已设置')
        : both('Nobody is told about alarms', '没有设置告警渠道'),
      ...(!alarmChannels && { fix: 'console → Alarms → Add channel' }),
    },
    {
      id: 'heartbeat',
      level: hasHeartbeat ? 'good' : 'warn',
      title: hasHeartbeat
        ? both('A heartbeat leaves this machine', '已启用心跳')
        : both('If this machine dies, nobody is told', '机器宕机时无人知晓'),
      ...(!hasHeartbeat && { fix: 'console → Alarms → heartbeat, or the vendor’s free alarms' }),
    },
  ]
}

function checkCollection({ name, rules, documents, indexes }: Collection): Finding[] {
  const findings: Finding[] = []
  if (isOpenToWrite(rules)) {
    findings.push({
      id: 'public-collection',
      level: 'bad',
      title: both(`Anybody can change ${name}`, `任何人都能修改 ${name}`),
      fix: `console → Data → ${name} → Rules`,
    })
  }
  const indexed = new Set(['_id', '_openid', ...indexes.flatMap(({ fields }) => Object.keys(fields)[0] ?? [])])
  const missing = ruleFields(rules).filter((field) => !indexed.has(field))
  if (missing.length && documents > SMALL_COLLECTION) {
    findings.push({
      id: 'rule-index',
      level: 'warn',
      title: both(
        `The rule of ${name} compares ${missing.join(', ')} without an index`,
        `${name} 的规则比较了没有索引的字段 ${missing.join('、')}`,
      ),
      fix: missing.map((field) => `sampan index create ${name} '{"${field}":1}'`).join('; '),
    })
  }
  return findings
}

/** A JSON rule that lets everybody write: `true` for write, or for one of its parts. */
const isOpenToWrite = (rules: unknown) =>
  isObject(rules) &&
  ['write', 'create', 'update', 'delete'].some((action) => rules[action] === true || rules[action] === 'true')

/** Fields of the record that a rule looks at: `doc.shop.owner == auth.openid` → shop.owner */
export function ruleFields(rules: unknown): string[] {
  if (!isObject(rules)) return []
  const text = Object.values(rules)
    .filter((rule) => typeof rule === 'string')
    .join(' ')
  return [...new Set([...text.matchAll(/\bdoc\.([A-Za-z_][\w.]*)/g)].map(([, field = '']) => field))]
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
