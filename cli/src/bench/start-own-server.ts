/** Starts a private server with data of its own, on this machine's disk and with WeChat simulated, to be measured. */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { openSimulator } from '@sampan/simulator'
import { CommandError } from '../command.ts'
import type { OwnServerOptions } from './main.ts'

export type OwnServer = { readonly url: string; readonly ownerToken: string; close(): Promise<void> }

const APP_ID = 'wx5a3f0d9c1b7e4f28'
const SECRET = 'simulated-secret-of-the-simulator'
/** As many as the built-in scenarios ask for. */
const POSTS = 10_000
const START_LIMIT_MS = 60_000
const STOP_LIMIT_MS = 10_000

/** @param parentDir the data folder is made below it, so that the disk which is measured is the one that will be used */
export async function startOwnServer(parentDir: string): Promise<OwnServer> {
  const dataDir = await mkdtemp(path.join(parentDir, 'sampan-bench-'))
  const simulator = await openSimulator({ appId: APP_ID, secret: SECRET })
  const logFile = createWriteStream(path.join(dataDir, 'server.log'))
  const ownerToken = randomBytes(24).toString('base64url')
  const options: OwnServerOptions = {
    ownerToken,
    dataDir,
    posts: POSTS,
    functionsRoot: functionsFolder(),
    wechat: { url: simulator.url, appId: APP_ID, secret: SECRET },
  }
  const child = spawn(process.execPath, [entryFile(), JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  let lastLines = ''
  child.stderr?.on('data', (text: Buffer) => {
    lastLines = (lastLines + text).slice(-2_000)
    logFile.write(text)
  })

  const close = async () => {
    const ended = child.exitCode === null ? new Promise((resolve) => child.once('exit', resolve)) : undefined
    const limit = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS)
    child.kill('SIGTERM')
    await ended
    clearTimeout(limit)
    logFile.end()
    await simulator.close()
    await rm(dataDir, { recursive: true, force: true })
  }

  const url = await new Promise<string>((resolve, reject) => {
    const fail = (reason: string) => reject(new CommandError(`The server to measure ${reason}.`, lastLines.trim()))
    const limit = setTimeout(() => fail(`was not ready within ${START_LIMIT_MS / 1000} s`), START_LIMIT_MS)
    child.once('exit', (code) => fail(`ended with code ${code} before it was ready`))
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const ready = /^ready (\S+)$/m.exec(text)?.[1]
      if (!ready) return
      clearTimeout(limit)
      resolve(ready)
    })
  }).catch(async (error: unknown) => {
    await close()
    throw error
  })
  return { url, ownerToken, close }
}

const entryFile = () => path.join(import.meta.dirname, `main${path.extname(import.meta.url)}`)

/** The cloud function of the `functions` scenario comes with the bench. */
const functionsFolder = () =>
  path.resolve(path.dirname(createRequire(import.meta.url).resolve('@sampan/bench')), '../scenarios/functions')
