/**
 * Checks a written bundle with the programs that will read it. A program that is not installed is reported as left out,
 * never as passed.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { composeProblems, findYamlProblem } from '@sampan/planner'

export type Check = {
  readonly file: string
  readonly program: string
  readonly outcome: 'passed' | 'failed' | 'left-out'
  readonly detail: string
}

/** A unit less hardened than this is refused; 0 is a sealed box, 10 a bare unit. */
export const MOST_EXPOSURE = 2.5
const TIMEOUT_MS = 20_000
/** A server that is still running after this has accepted its configuration. */
const STARTED_AFTER_MS = 1500

/** Everything in the folder that some program can judge. Starts nothing that outlives the check. */
export async function checkBundle(directory: string): Promise<Check[]> {
  const names = (await readdir(directory, { recursive: true })).map((name) => name.replaceAll(path.sep, '/')).sort()
  const scratch = await mkdtemp(path.join(os.tmpdir(), 'sampan-check-'))
  try {
    const checks = names.map(async (name, index) => {
      const check = checkerFor(name)
      if (!check) return []
      const own = path.join(scratch, String(index))
      await mkdir(own)
      return check({ directory, name, scratch: own })
    })
    return (await Promise.all(checks)).flat()
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

type Subject = { readonly directory: string; readonly name: string; readonly scratch: string }
type Checker = (subject: Subject) => Promise<Check | Check[]>

function checkerFor(name: string): Checker | undefined {
  if (name === 'nginx/nginx.conf') return checkNginx
  if (name === 'compose/nginx.conf') return checkComposeNginx
  if (name === 'compose/docker-compose.yml') return checkCompose
  if (/^systemd\/.+\.(service|timer)$/.test(name)) return checkUnit
  if (/\.sh$|scf_bootstrap$/.test(name)) return checkScript
  if (name.startsWith('mariadb/')) return checkMariadb
  if (name.startsWith('redis/')) return checkRedis
  if (name.startsWith('postgres/')) return checkPostgres
  if (/\.(ya?ml)$/.test(name)) return checkYaml
  return undefined
}

async function checkNginx({ directory, name, scratch }: Subject): Promise<Check> {
  const prefix = path.join(scratch, 'nginx')
  await cp(path.join(directory, 'nginx'), prefix, { recursive: true })
  if (!(await makeCertificate(prefix)))
    return leftOut(name, 'nginx -t', 'openssl is needed for a throw-away certificate')

  // nginx opens what it names: certificates, logs, its pid file. All of it moves into the scratch folder.
  for (const file of ['nginx.conf', 'conf.d/sampan.conf']) {
    const target = path.join(prefix, file)
    const content = await readFile(target, 'utf8')
    await writeFile(
      target,
      content
        .replaceAll(/\/etc\/sampan\/tls\//g, `${prefix}/`)
        .replaceAll('/var/log/nginx/', `${prefix}/`)
        .replace(/^pid .*$/m, `pid ${prefix}/nginx.pid;`)
        .replace(/^user .*$/m, ''),
    )
  }
  await writeFile(path.join(prefix, 'mime.types'), 'types { application/json json; }\n')
  return judged(name, 'nginx -t', await run('nginx', ['-t', '-p', prefix, '-c', `${prefix}/nginx.conf`]))
}

/** False if there is no openssl. */
async function makeCertificate(folder: string): Promise<boolean> {
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=check']
  const files = ['-keyout', `${folder}/private.key`, '-out', `${folder}/fullchain.pem`]
  return (await run('openssl', [...request, ...files])).code === 0
}

/** The file is one of those that the image includes; its names exist inside Compose only. */
async function checkComposeNginx({ directory, name, scratch }: Subject): Promise<Check> {
  const prefix = path.join(scratch, 'nginx')
  await cp(path.join(directory, 'nginx', 'snippets'), path.join(prefix, 'snippets'), { recursive: true })
  if (!(await makeCertificate(prefix)))
    return leftOut(name, 'nginx -t', 'openssl is needed for a throw-away certificate')
  const version = /nginx\/(\d+)\.(\d+)/.exec((await run('nginx', ['-v'])).output)
  const knowsHttp2On = Number(version?.[1]) > 1 || Number(version?.[2]) > 25
  const site = (await readFile(path.join(directory, name), 'utf8'))
    .replaceAll('/etc/sampan/tls/', `${prefix}/`)
    .replaceAll(/server sampan-\d+:8080/g, 'server 127.0.0.1:8080')
    .replace(/^ *http2 on;$/m, (line) => (knowsHttp2On ? line : ''))
  const main = `pid ${prefix}/nginx.pid; events {} http { access_log off; ${site} }`
  await writeFile(path.join(prefix, 'nginx.conf'), main)
  return judged(name, 'nginx -t', await run('nginx', ['-t', '-p', prefix, '-c', `${prefix}/nginx.conf`]))
}

async function checkCompose({ directory, name }: Subject): Promise<Check> {
  const content = await readFile(path.join(directory, name), 'utf8')
  const folder = path.dirname(path.join(directory, name))
  const problems = findYamlProblem(content) ?? composeProblems(content, (file) => existsSync(path.join(folder, file)))
  const detail = [problems].flat().join('\n')
  return { file: name, program: 'compose rules', outcome: detail ? 'failed' : 'passed', detail }
}

async function checkUnit({ directory, name, scratch }: Subject): Promise<Check[]> {
  const unit = path.basename(name).replace('@.', '@3001.')
  const target = path.join(scratch, unit)
  const content = await readFile(path.join(directory, name), 'utf8')
  // The programs it starts are not on this machine; that they are somewhere is install.sh's business.
  await writeFile(target, content.replaceAll(/^ExecStart=\S+/gm, `ExecStart=${process.execPath}`))
  if (name.endsWith('.timer')) await writeFile(target.replace('.timer', '.service'), '[Service]\nExecStart=/bin/true\n')
  const answer = await run('systemd-analyze', ['verify', '--man=no', target])
  // It calls a value that it ignores a warning and answers 0; here a line about our unit is a failure.
  const isOurs = answer.output.split('\n').some((line) => line.includes(scratch))
  const verified = judged(name, 'systemd-analyze verify', isOurs && answer.code === 0 ? { ...answer, code: 1 } : answer)
  if (!name.includes('@')) return [verified]

  const security = await run('systemd-analyze', ['security', '--offline=yes', '--no-pager', target])
  const exposure = Number(/exposure level for .*?: ([\d.]+)/.exec(security.output)?.[1] ?? Number.NaN)
  const isMissing = security.code === MISSING
  const outcome = isMissing ? 'left-out' : exposure <= MOST_EXPOSURE ? 'passed' : 'failed'
  const detail = isMissing ? 'not installed' : `exposure ${exposure}`
  return [verified, { file: name, program: 'systemd-analyze security', outcome, detail }]
}

const checkScript: Checker = async ({ directory, name }) =>
  judged(name, 'bash -n', await run('bash', ['-n', path.join(directory, name)]))

const checkMariadb: Checker = async ({ directory, name }) =>
  judged(
    name,
    'mariadbd --help',
    await run('mariadbd', [`--defaults-file=${path.join(directory, name)}`, '--verbose', '--help', '--user=nobody'], {
      keepsOutput: 'errors',
    }),
  )

async function checkRedis({ directory, name, scratch }: Subject): Promise<Check> {
  const socket = path.join(scratch, 'redis.sock')
  const args = [path.join(directory, name), '--port', '0', '--unixsocket', socket, '--dir', scratch]
  return judged(name, 'redis-server', await run('redis-server', args, { isServer: true }))
}

/** Asking for one value makes PostgreSQL read and judge the whole file. It refuses to run as root. */
async function checkPostgres({ directory, name, scratch }: Subject): Promise<Check> {
  const file = path.join(scratch, 'postgresql.conf')
  await writeFile(file, await readFile(path.join(directory, name), 'utf8'))
  for (const folder of [path.dirname(scratch), scratch]) await chmod(folder, 0o755)
  const program = await findPostgres()
  const args = ['-C', 'shared_buffers', '-c', `config_file=${file}`, '-D', scratch]
  return judged(name, 'postgres -C', await run(program, args, { isUnprivileged: true }))
}

/** Debian keeps the server out of PATH, one folder per version. */
async function findPostgres(): Promise<string> {
  const versions = await readdir('/usr/lib/postgresql').catch(() => [])
  const newest = versions.sort((a, b) => Number(b) - Number(a))[0]
  return newest ? `/usr/lib/postgresql/${newest}/bin/postgres` : 'postgres'
}

async function checkYaml({ directory, name }: Subject): Promise<Check> {
  const problem = findYamlProblem(await readFile(path.join(directory, name), 'utf8'))
  return { file: name, program: 'yaml', outcome: problem ? 'failed' : 'passed', detail: problem ?? '' }
}

type Run = { readonly code: number; readonly output: string }

/** What a shell answers for a command that does not exist. */
const MISSING = 127

function judged(file: string, program: string, { code, output }: Run): Check {
  if (code === MISSING) return leftOut(file, program, 'not installed')
  const lines = output.trim().split('\n').filter(Boolean)
  return {
    file,
    program,
    outcome: code === 0 ? 'passed' : 'failed',
    detail: code === 0 ? '' : lines.slice(-6).join('\n'),
  }
}

const leftOut = (file: string, program: string, detail: string): Check => ({
  file,
  program,
  outcome: 'left-out',
  detail,
})

type RunOptions = {
  /** Still running after a moment is success; the process is then stopped. */
  readonly isServer?: boolean
  /** Some programs print their whole manual to stdout before the one error on stderr. */
  readonly keepsOutput?: 'all' | 'errors'
  /** As nobody, if we are root. */
  readonly isUnprivileged?: boolean
}

const NOBODY = 65_534
/** Servers lie in sbin, which a user's own PATH often lacks. */
const PROGRAM_FOLDERS = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

function run(
  program: string,
  args: string[],
  { isServer, keepsOutput = 'all', isUnprivileged }: RunOptions = {},
): Promise<Run> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      env: { PATH: PROGRAM_FOLDERS, LC_ALL: 'C' },
      timeout: TIMEOUT_MS,
      ...(isUnprivileged && process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {}),
    })
    let output = ''
    let hasStarted = false
    const keep = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-20_000)
    }
    if (keepsOutput === 'all') child.stdout.on('data', keep)
    else child.stdout.resume()
    child.stderr.on('data', keep)
    const started = setTimeout(() => {
      if (!isServer) return
      hasStarted = true
      child.kill('SIGTERM')
    }, STARTED_AFTER_MS)
    const finish = (code: number) => {
      clearTimeout(started)
      resolve({ code, output })
    }
    child.on('error', (error: NodeJS.ErrnoException) => finish(error.code === 'ENOENT' ? MISSING : 1))
    child.on('close', (code) => finish(hasStarted ? 0 : (code ?? 1)))
  })
}
