/** What Docker Compose would refuse, or would do differently from what was meant. Docker itself is not needed for it. */
import { parse } from 'yaml'

/** The fields that a written service uses; one more is a typing error, or belongs into this list. */
const SERVICE_FIELDS = new Set([
  'build',
  'command',
  'depends_on',
  'env_file',
  'environment',
  'healthcheck',
  'image',
  'logging',
  'mem_limit',
  'ports',
  'restart',
  'stop_grace_period',
  'volumes',
])
const FILE_FIELDS = new Set(['name', 'services', 'volumes'])
const RESTARTS = new Set(['no', 'always', 'on-failure', 'unless-stopped'])
const SIZE = /^\d+[bkmg]$/
const DURATION = /^(\d+(ms|s|m|h))+$/
/** Host address, host port, container port: without the address the port is open to everybody, past ufw. */
const BOUND_PORT = /^(\d{1,3}\.){3}\d{1,3}:\d+:\d+(\/(tcp|udp))?$/
const PINNED_IMAGE = /^[\w./-]+:(?!latest$)[\w.-]+$/

/** @param hasFile whether a path, relative to the file, is in the bundle */
export function composeProblems(yaml: string, hasFile: (path: string) => boolean): string[] {
  const file: unknown = parse(yaml)
  if (!isRecord(file) || !isRecord(file['services'])) return ['services: a mapping of services is needed']
  const services = file['services']
  const volumes = isRecord(file['volumes']) ? Object.keys(file['volumes']) : []
  const context: Context = { services: Object.keys(services), volumes, hasFile }
  return [
    ...unknownFields(file, FILE_FIELDS, 'file'),
    ...Object.entries(services).flatMap(([name, service]) =>
      isRecord(service) ? serviceProblems(name, service, context) : [`${name}: must be a mapping`],
    ),
  ]
}

type Context = {
  readonly services: readonly string[]
  readonly volumes: readonly string[]
  readonly hasFile: (path: string) => boolean
}
type Fields = Record<string, unknown>

function serviceProblems(name: string, service: Fields, { services, volumes, hasFile }: Context): string[] {
  const { image, build, restart, mem_limit, stop_grace_period } = service
  const context = isRecord(build) ? build['context'] : build
  const found = [
    ...unknownFields(service, SERVICE_FIELDS, name),
    ...(image === undefined && build === undefined ? ['needs image or build'] : []),
    ...(image !== undefined && !PINNED_IMAGE.test(String(image)) ? [`image ${image} has no fixed version`] : []),
    ...(context !== undefined && !hasFile(`${context}/Dockerfile`) ? [`${context}/Dockerfile is not there`] : []),
    ...(restart !== undefined && !RESTARTS.has(String(restart)) ? [`restart ${restart} is unknown`] : []),
    ...(mem_limit !== undefined && !SIZE.test(String(mem_limit)) ? [`mem_limit ${mem_limit} is no size`] : []),
    ...(stop_grace_period !== undefined && !DURATION.test(String(stop_grace_period))
      ? [`stop_grace_period ${stop_grace_period} is no duration`]
      : []),
    ...listOf(service['ports']).flatMap((port) => (BOUND_PORT.test(port) ? [] : [`port ${port} names no address`])),
    ...listOf(service['env_file']).flatMap((path) => (hasFile(path) ? [] : [`${path} is not there`])),
    ...listOf(service['depends_on']).flatMap((other) => (services.includes(other) ? [] : [`no service ${other}`])),
    ...listOf(service['volumes']).flatMap((mount) => mountProblem(mount, volumes, hasFile)),
    ...environmentProblems(service['environment']),
  ]
  return found.map((problem) => `${name}: ${problem}`)
}

function mountProblem(mount: string, volumes: readonly string[], hasFile: (path: string) => boolean): string[] {
  const [from = '', to = ''] = mount.split(':')
  if (!to.startsWith('/')) return [`volume ${mount} has no absolute target`]
  // What is missing here Docker would create: an empty directory in place of the file.
  if (from.startsWith('.')) return hasFile(from) ? [] : [`${from} is not there`]
  return from.startsWith('/') || volumes.includes(from) ? [] : [`volume ${from} is not declared`]
}

/** Compose takes texts, numbers and null; a bare true or false is an error there. */
const environmentProblems = (environment: unknown): string[] =>
  Object.entries(isRecord(environment) ? environment : {}).flatMap(([name, value]) =>
    typeof value === 'string' || typeof value === 'number' ? [] : [`environment ${name} is neither text nor number`],
  )

const unknownFields = (fields: Fields, known: ReadonlySet<string>, place: string): string[] =>
  Object.keys(fields).flatMap((field) => (known.has(field) ? [] : [`${place}: unknown field ${field}`]))

const listOf = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : [])

const isRecord = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
