import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { describe, it } from 'node:test'
import { connectedPorts, findListener, readProcess } from '../src/process-clock.ts'
import { findServerParts } from '../src/server-parts.ts'

describe('the processes behind a port', { skip: process.platform !== 'linux' && 'needs /proc' }, () => {
  it('are found by who listens, and counted without the databases of others', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const port = typeof address === 'object' && address ? address.port : 0
    assert.equal(findListener(port), process.pid)
    assert.equal(connectedPorts(process.pid).includes(port), false)

    const reading = findServerParts(port)?.read()
    assert.ok((reading?.residentMb.node ?? 0) > 10)
    assert.equal(reading?.cpuSeconds.database, 0)
    server.close()
  })

  it('read their own memory and time', () => {
    const reading = readProcess(process.pid)
    assert.equal(reading?.parentPid, process.ppid)
    assert.ok((reading?.residentKb ?? 0) > 10_000)
  })
})
