/** The client on a headless phone, against the real server behind a network that can misbehave. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { startTestServer, type TestServer } from '../../server/test/support/test-server.ts'
import { type Cloud, type CloudSettings, createCloud } from '../src/index.ts'
import { type BadNetwork, startBadNetwork } from './headless/bad-network.ts'
import { createPhone, type Phone, type PhoneOptions } from './headless/phone.ts'

export type TestCloud = {
  readonly server: TestServer
  readonly network: BadNetwork
  /** A phone of this user, and the client on it. Waiting between retries takes no time. */
  start(
    user: string,
    settings?: CloudSettings,
    phone?: Partial<PhoneOptions>,
  ): { cloud: Cloud; phone: Phone; waitsMs: number[] }
  close(): Promise<void>
}

/** @param functions the code of each function's index.js */
export async function startTestCloud(functions: Readonly<Record<string, string>> = {}): Promise<TestCloud> {
  const functionsRoot = mkdtempSync(path.join(os.tmpdir(), 'sampan-functions-'))
  for (const [name, code] of Object.entries(functions)) {
    mkdirSync(path.join(functionsRoot, name))
    writeFileSync(path.join(functionsRoot, name, 'index.js'), code)
  }
  const collections = [
    { name: 'notes', rules: 'PRIVATE', indexes: [] },
    { name: 'board', rules: 'READONLY', indexes: [] },
    { name: 'locked', rules: 'ADMINONLY', indexes: [] },
  ] as const
  const server = await startTestServer({ project: { functionsRoot, collections } })
  const network = await startBadNetwork(server.url)
  const phones: Phone[] = []

  return {
    server,
    network,
    start(user, settings = {}, options = {}) {
      const phone = createPhone({ loginCode: () => server.simulator.loginCode(user), ...options })
      phones.push(phone)
      const waitsMs: number[] = []
      const sleep = async (ms: number) => void waitsMs.push(ms)
      const wx = phone.wx as never // the phone is WeChat's whole API, without types
      const cloud = createCloud({ wx, url: network.url, ...settings }, { now: Date.now, random: Math.random, sleep })
      return { cloud, phone, waitsMs }
    },
    async close() {
      for (const phone of phones) phone.close()
      await network.close()
      await server.close()
      rmSync(functionsRoot, { recursive: true, force: true })
    },
  }
}
