import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { pino } from 'pino'
import { sendToChannel } from '../../src/features/monitor/alarm-channels.ts'
import { parseMailUrl, sendMail } from '../../src/features/monitor/alarm-mail.ts'
import { openAlarmOutbox } from '../../src/features/monitor/alarm-outbox.ts'
import { ChannelError } from '../../src/features/monitor/channel-error.ts'
import { openMetricsHistory } from '../../src/features/monitor/metrics-history.ts'
import { MAIL_PASSWORD, MAIL_USER, startMailServer } from './mail-server.ts'
import { startRobot } from './vendor-robots.ts'

const MESSAGE = { title: '[shop] 🔴 1 告警', text: '🔴 CPU 繁忙 CPU busy: 91%\n.\n   sampan status' }
const NOW_MS = Date.parse('2026-11-22T12:00:00+08:00')
const user = encodeURIComponent(MAIL_USER)
const plainUrl = (port: number, to = 'me@shop.example,ops+night@shop.example') =>
  `smtp://${user}@127.0.0.1:${port}?to=${to}&tls=off`
const mailTo = (url: string, secret = MAIL_PASSWORD) => ({ id: 'mail', kind: 'email', url, secret }) as const

async function refusalOf(sending: Promise<void>): Promise<ChannelError> {
  try {
    await sending
  } catch (error) {
    assert.ok(error instanceof ChannelError)
    return error
  }
  throw new Error('it was sent')
}

describe('e-mail as an alarm channel', () => {
  it('logs in and delivers title and text, whatever characters they have, to everybody named', async (t) => {
    const server = await startMailServer(t)
    await sendToChannel(mailTo(plainUrl(server.port)), MESSAGE, NOW_MS)
    const { from, to, subject, text, isEncrypted } = server.received[0] ?? assert.fail('no mail came')
    assert.deepEqual([from, to], [MAIL_USER, ['me@shop.example', 'ops+night@shop.example']])
    assert.equal(subject, MESSAGE.title)
    assert.equal(text, MESSAGE.text)
    assert.equal(isEncrypted, false)
  })

  it('keeps a line break in the title out of the headers', async (t) => {
    const server = await startMailServer(t)
    const title = '[shop]\r\nBcc: thief@evil.example'
    await sendToChannel(mailTo(plainUrl(server.port)), { title, text: 'x' }, NOW_MS)
    assert.ok(!server.lines.some((line) => line.includes('thief')), 'a recipient was smuggled in')
  })

  // biome-ignore format: a table keeps its columns
  const REFUSALS = [
    ['RCPT', '550 5.1.1 no such user',       '550'],
    ['DATA', '451 4.3.0 try later',          '451'],
    ['BODY', '554 5.7.1 rejected as spam',   '554'],
  ] as const
  for (const [step, answer, code] of REFUSALS) {
    it(`tells the server's ${code} when it refuses at ${step}`, async (t) => {
      const server = await startMailServer(t)
      server.refuse(step, answer)
      const refusal = await refusalOf(sendToChannel(mailTo(plainUrl(server.port)), MESSAGE, NOW_MS))
      assert.equal(refusal.code, code)
      assert.equal(server.received.length, 0)
    })
  }

  it('tells 535 for a wrong password, and the password to nobody', async (t) => {
    const server = await startMailServer(t)
    const wrong = 'not-the-password-4711'
    const refusal = await refusalOf(sendToChannel(mailTo(plainUrl(server.port), wrong), MESSAGE, NOW_MS))
    assert.equal(refusal.code, '535')
    assert.ok(!refusal.message.includes(wrong))
  })

  it('says when no mail server answers', async () => {
    const nobody = mailTo(plainUrl(1))
    assert.equal((await refusalOf(sendToChannel(nobody, MESSAGE, NOW_MS))).code, 'unreachable')
  })

  it('never sends the password over a line that is not encrypted, unless told so', async (t) => {
    const server = await startMailServer(t)
    const url = plainUrl(server.port).replace('&tls=off', '')
    assert.equal((await refusalOf(sendToChannel(mailTo(url), MESSAGE, NOW_MS))).code, 'no_tls')
    assert.ok(!server.lines.some((line) => line.startsWith('AUTH')))
  })

  it('goes through the next channel when the mail server refuses, and logs no secret', async (t) => {
    const dir = await mkdtemp(path.join(os.tmpdir(), 'watch-mail-'))
    const history = openMetricsHistory(path.join(dir, 'm.db'))
    t.after(async () => {
      history.close()
      await rm(dir, { recursive: true, force: true })
    })
    const server = await startMailServer(t)
    server.refuse('BODY', `554 no, ${MAIL_PASSWORD} is not welcome`)
    const robot = await startRobot(t, 'wecom', () => NOW_MS)
    const written: string[] = []
    const log = pino({ level: 'trace' }, { write: (line: string) => void written.push(line) })
    const channels = () => [mailTo(plainUrl(server.port)), robot.channel]
    let nowMs = NOW_MS
    const outbox = openAlarmOutbox({ db: history.db, channels, serverName: () => 'shop', log, now: () => nowMs })
    outbox.add({ atMs: nowMs, level: 'page', urgency: 'page', line: '🔴 CPU' })
    nowMs += 60_000
    await outbox.flush()
    assert.equal(robot.received.length, 1)
    assert.match(written.join(''), /"vendorCode":"554"/)
    for (const secret of [MAIL_PASSWORD, Buffer.from(`\0${MAIL_USER}\0${MAIL_PASSWORD}`).toString('base64')]) {
      assert.ok(!written.join('').includes(secret))
    }
  })
})

const noOpenssl = existsSync('/usr/bin/openssl') ? false : 'openssl is not installed'
describe('e-mail over an encrypted line', { skip: noOpenssl }, () => {
  let dir: string
  let identity: { key: string; cert: string }
  before(async () => {
    dir = await mkdtemp(path.join(os.tmpdir(), 'watch-mail-'))
    const make = 'req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost'
    execFileSync('openssl', [...make.split(' '), '-keyout', 'key.pem', '-out', 'cert.pem'], { cwd: dir, stdio: 'pipe' })
    const read = (name: string) => readFile(path.join(dir, name), 'utf8')
    identity = { key: await read('key.pem'), cert: await read('cert.pem') }
  })
  after(() => rm(dir, { recursive: true, force: true }))

  for (const [name, scheme, isEncryptedAtOnce] of [
    ['STARTTLS', 'smtp', false],
    ['TLS from the start', 'smtps', true],
  ] as const) {
    it(`encrypts with ${name} before it logs in`, async (t) => {
      const server = await startMailServer(t, { identity, isEncryptedAtOnce })
      const url = `${scheme}://${user}@localhost:${server.port}?to=me@shop.example`
      await sendMail(mailTo(url), MESSAGE, { ca: identity.cert })
      assert.equal(server.received[0]?.isEncrypted, true)
      assert.equal(server.received[0]?.text, MESSAGE.text)
    })

    it(`gives the password to no server whose certificate it cannot check (${name})`, async (t) => {
      const server = await startMailServer(t, { identity, isEncryptedAtOnce })
      const url = `${scheme}://${user}@localhost:${server.port}?to=me@shop.example`
      assert.equal((await refusalOf(sendMail(mailTo(url), MESSAGE))).code, 'bad_certificate')
      assert.ok(!server.lines.some((line) => line.startsWith('AUTH')))
    })
  }
})

describe('the address of a mail channel', () => {
  it('knows the usual ports, and takes the user as sender', () => {
    const at = (url: string) => parseMailUrl(url)
    assert.equal(at(`smtps://${user}@smtp.qq.com?to=a@b.cn`).port, 465)
    assert.equal(at(`smtp://${user}@smtp.qq.com?to=a@b.cn`).port, 587)
    assert.equal(at(`smtps://${user}@smtp.qq.com?to=a@b.cn`).from, MAIL_USER)
    assert.equal(at('smtps://apikey@smtp.example.com?from=s@b.cn&to=a@b.cn').from, 's@b.cn')
  })

  // biome-ignore format: a table keeps its columns
  const WRONG = [
    ['https://smtp.qq.com?to=a@b.cn',                 /such as smtps/],
    ['smtps://a%40b.cn:pass@smtp.qq.com?to=a@b.cn',   /password belongs into the secret/],
    ['smtps://a%40b.cn@smtp.qq.com',                  /to=/],
    ['smtps://apikey@smtp.qq.com?to=a@b.cn',          /"apikey" is no e-mail address: add from=/],
    ['smtps://a%40b.cn@smtp.qq.com?to=a b,c@d.cn',    /no e-mail address/],
    ['smtps://a%40b.cn@smtp.qq.com?to=a@b.cn%0d%0aRCPT', /no e-mail address/],
  ] as const
  for (const [url, says] of WRONG) {
    it(`refuses ${url}`, () => assert.throws(() => parseMailUrl(url), says))
  }
})
