import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { createHostSampler } from '../../src/features/monitor/host-sampler.ts'

/** A made-up /proc, so that the figures are known. */
async function startProc(t: TestContext) {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'sampan-proc-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  await mkdir(path.join(dir, 'net'))
  await mkdir(path.join(dir, 'pressure'))
  const write = (files: Record<string, string>) =>
    Promise.all(Object.entries(files).map(([name, text]) => writeFile(path.join(dir, name), text)))
  return { dir, write }
}

const network = (eth: number) =>
  `Inter-| Receive\n face |bytes\n    lo: 999 1 0 0 0 0 0 0 999 1 0 0\n  eth0: ${eth} 1 0 0 0 0 0 0 ${eth * 2} 1 0 0\n docker0: 5 1 0 0 0 0 0 0 5 1 0\n`
const disks = (sectors: number) =>
  `253 0 vda 1 0 ${sectors} 0 1 0 ${sectors * 2} 0 0\n253 1 vda1 1 0 ${sectors} 0 1 0 ${sectors * 2} 0 0\n`

describe('host sampler', () => {
  it('computes shares and differences from two looks at /proc', async (t) => {
    const { dir, write } = await startProc(t)
    const sample = createHostSampler({ dataDir: dir, procDir: dir })
    await write({
      stat: 'cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 1 1 1\n',
      meminfo: 'MemTotal: 2000 kB\nMemFree: 1 kB\nMemAvailable: 500 kB\nSwapTotal: 1000 kB\nSwapFree: 750 kB\n',
      'net/dev': network(1000),
      diskstats: disks(10),
      vmstat: 'pswpin 3\noom_kill 0\n',
      'pressure/cpu': 'some avg10=0.00 avg60=12.50 avg300=0 total=1\n',
    })
    const first = await sample()
    assert.equal(first.gauges['host.cpu'], undefined)
    assert.deepEqual(first.counters, {})

    await write({
      stat: 'cpu  140 0 120 720 110 0 0 10 0 0\n',
      'net/dev': network(1500),
      diskstats: disks(30),
      vmstat: 'pswpin 5\noom_kill 1\n',
    })
    const { gauges, counters } = await sample()
    assert.equal(gauges['host.cpu'], 0.7)
    assert.equal(gauges['host.cpuSteal'], 0.1)
    assert.equal(gauges['host.cpuIoWait'], 0.1)
    assert.equal(gauges['host.memoryAvailable'], 0.25)
    assert.equal(gauges['host.swapUsed'], 0.25)
    assert.equal(gauges['host.cpuPressure'], 0.125)
    assert.equal(counters['host.networkInBytes'], 500)
    assert.equal(counters['host.networkOutBytes'], 1000)
    assert.equal(counters['host.diskReadBytes'], 20 * 512)
    assert.equal(counters['host.diskWriteBytes'], 40 * 512)
    assert.equal(counters['host.swapInBytes'], 2 * 4096)
    assert.equal(counters['host.outOfMemoryKills'], 1)
  })

  it('leaves out a counter that was reset', async (t) => {
    const { dir, write } = await startProc(t)
    const sample = createHostSampler({ dataDir: dir, procDir: dir })
    await write({ 'net/dev': network(1_000_000) })
    await sample()
    await write({ 'net/dev': network(10) })
    assert.equal((await sample()).counters['host.networkInBytes'], undefined)
  })

  it('tells what it can on a system without /proc', async (t) => {
    const { dir } = await startProc(t)
    const sample = createHostSampler({ dataDir: dir, procDir: path.join(dir, 'missing') })
    await sample()
    const { gauges } = await sample()
    assert.ok((gauges['host.memoryAvailable'] ?? 0) > 0)
    assert.ok((gauges['host.diskFreeBytes'] ?? 0) > 0)
  })
})
