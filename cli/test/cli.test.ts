import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { loadCommands } from '../src/commands.ts'
import { renderCommandHelp } from '../src/help.ts'

const MAIN = path.resolve(import.meta.dirname, '../src/main.ts')

type Run = { code: number | null; out: string; err: string }

/** Runs the command to its end. */
async function run(args: string[], env: Record<string, string> = {}): Promise<Run> {
  const child = sampan(args, env)
  const [code] = await once(child, 'close')
  return { code, out: child.seen.out, err: child.seen.err }
}

type Sampan = ChildProcess & { seen: { out: string; err: string } }

function sampan(args: string[], env: Record<string, string> = {}): Sampan {
  const child = spawn(process.execPath, [MAIN, ...args], { env: { PATH: process.env['PATH'], LANG: 'C', ...env } })
  const seen = { out: '', err: '' }
  child.stdout.on('data', (part) => {
    seen.out += part
  })
  child.stderr.on('data', (part) => {
    seen.err += part
  })
  return Object.assign(child, { seen })
}

async function ready(child: Sampan): Promise<string> {
  for (let tries = 0; tries < 1_200; tries += 1) {
    const url = /ready\D*?(http:\/\/[\w.:]+)/.exec(child.seen.out)?.[1]
    if (url) return url
    assert.equal(child.exitCode, null, child.seen.err)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`never ready: ${child.seen.out}${child.seen.err}`)
}

const commands = await loadCommands()

describe('sampan', () => {
  let folder: string
  let project: string
  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'sampan-cli-'))
    project = path.join(folder, 'plain-project')
    await mkdir(path.join(project, 'cloudfunctions/whoami'), { recursive: true })
    await writeFile(
      path.join(project, 'project.config.json'),
      '\uFEFF{"appid":"wx00000000000000aa","cloudfunctionRoot":"cloudfunctions/"}',
    )
    await writeFile(
      path.join(project, 'cloudfunctions/whoami/index.js'),
      'exports.main = async (event) => ({ openId: event.userInfo && event.userInfo.openId, n: event.n })',
    )
  })
  after(() => rm(folder, { recursive: true, force: true }))

  for (const command of commands) {
    it(`explains ${command.name} with an example in both languages`, () => {
      for (const lang of ['en', 'zh'] as const) {
        const help = renderCommandHelp(command, lang)
        assert.ok(help.includes(command.summary[lang]) && help.includes(command.usage))
        assert.ok(command.examples.length > 0 && help.includes(String(command.examples[0])))
        for (const { about } of Object.values(command.options))
          assert.ok(about[lang].length > 0 && help.includes(about[lang]))
      }
    })
  }

  it('lists its commands, and refuses one that it does not know with exit code 2', async () => {
    const help = await run(['help'])
    for (const { name } of commands) assert.ok(help.out.includes(`  ${name}`))
    assert.match((await run(['call', '--help'])).out, /sampan call NAME/)
    const unknown = await run(['deploi'])
    assert.equal(unknown.code, 2)
    assert.match(unknown.err, /^✗ There is no command "deploi"\./)
    assert.equal((await run(['dev', '--prot', '1'])).code, 2)
    assert.equal((await run(['dev', '--port', 'abc'])).code, 2)
    assert.equal((await run(['call'])).code, 2)
  })

  it('speaks Chinese to a Chinese terminal', async () => {
    assert.match((await run(['help'], { LANG: 'zh_CN.UTF-8' })).out, /舢板/)
  })

  it('serves a project that has never heard of it, lets functions be called, and ends with 0 on Ctrl-C', async () => {
    const server = sampan(['dev', '--project', project, '--port', '0'])
    try {
      const url = await ready(server)
      assert.equal((await fetch(`${url}/readyz`)).status, 200)

      const called = await run([
        'call',
        'whoami',
        '--project',
        project,
        '--as',
        'oAlice',
        '--data',
        '{"n":7}',
        '--json',
      ])
      assert.equal(called.code, 0, called.err)
      assert.deepEqual(JSON.parse(called.out).result, { openId: 'oAlice', n: 7 })

      const missing = await run(['call', 'nothing', '--project', project])
      assert.equal(missing.code, 1)
      assert.match(missing.err, /function_not_found/)

      server.kill('SIGINT')
      const [code] = await once(server, 'close')
      assert.equal(code, 0)
      const gone = await run(['call', 'whoami', '--project', project])
      assert.equal(gone.code, 1)
      assert.match(gone.err, /sampan dev/)
    } finally {
      server.kill('SIGKILL')
    }
  })

  it('says which port is taken and how to choose another', async () => {
    const blocker = net.createServer().listen(0, '127.0.0.1')
    await once(blocker, 'listening')
    const { port } = blocker.address() as net.AddressInfo
    const { code, err } = await run(['dev', '--project', project, '--port', String(port)])
    blocker.close()
    assert.equal(code, 1)
    assert.match(err, new RegExp(`Port ${port} is taken[^]*--port ${port + 1}`))
  })

  it('refuses to start for real without secrets, naming all of them at once', async () => {
    const { code, err } = await run(['start', '--project', project, '--port', '0'])
    assert.equal(code, 1)
    assert.match(err, /SECRET_KEY is missing/)
    assert.match(err, /WECHAT_SECRET is missing/)
  })

  it('reports every wrong setting at once', async () => {
    const { code, err } = await run(['dev', '--project', project], { PORT: 'abc', SESSION_TTL_SECONDS: '-1' })
    assert.equal(code, 1)
    assert.match(err, /PORT: expected a whole number/)
    assert.match(err, /SESSION_TTL_SECONDS/)
  })

  it('says what is wrong with a configuration file', async () => {
    const broken = path.join(folder, 'broken')
    await cp(project, broken, { recursive: true })
    await writeFile(
      path.join(broken, 'sampan.config.json'),
      '{"collections":[{"name":"a","rules":"EVERYONE"}],"colections":[]}',
    )
    const { code, err } = await run(['dev', '--project', broken, '--port', '0'])
    assert.equal(code, 1)
    assert.match(err, /collections\.0\.rules/)
    assert.match(err, /colections/)
  })

  it('ends when it cannot start, leaving nothing open', async () => {
    const broken = path.join(folder, 'broken-sql')
    await cp(project, broken, { recursive: true })
    await mkdir(path.join(broken, 'server/migrations'), { recursive: true })
    await writeFile(path.join(broken, 'server/migrations/0001-broken.sql'), 'CREATE TABEL notes (id INTEGER);')
    const { code, err } = await run(['dev', '--project', broken, '--port', '0'])
    assert.equal(code, 1)
    assert.match(err, /0001-broken\.sql failed at statement 1 of 1/)
  })
})
