/**
 * Runs inside a worker process: loads one function, then runs its calls one after the other.
 *
 * Plain CommonJS that depends on nothing, so that a fresh worker is ready in a few tens of milliseconds. Commands come
 * on file descriptor 3. Everything said back goes to descriptor 4 with synchronous writes, so that log lines stay in
 * order and the last ones survive `process.exit()`.
 */
const fs = require('node:fs')
const module_ = require('node:module')
const net = require('node:net')
const path = require('node:path')
const { pathToFileURL } = require('node:url')
const util = require('node:util')
require('./old-node.cjs')

const COMMANDS_FD = 3
const ANSWERS_FD = 4

/** Lines of a call beyond this are counted, not kept: 100 MB of log must cost nobody but the function. */
const LOG_BYTES_PER_CALL = 64 * 1024
const LOG_LINE_BYTES = 8 * 1024

let main
/** Set for functions that serve many calls at once: knows which call the running code belongs to. */
let callStorage
/** The call that runs, where there is one at a time. */
let onlyCall
let identityKeys = []

const currentCall = () => (callStorage ? callStorage.getStore() : onlyCall)

const say = (header, body = '') => {
  const head = Buffer.from(JSON.stringify(header))
  const payload = Buffer.from(body)
  const lengths = Buffer.alloc(8)
  lengths.writeUInt32LE(head.length, 0)
  lengths.writeUInt32LE(payload.length, 4)
  let rest = Buffer.concat([lengths, head, payload])
  while (rest.length > 0) rest = rest.subarray(fs.writeSync(ANSWERS_FD, rest))
}

/** What is printed while no call runs, such as by the function's module when it is loaded. */
const outsideCalls = { id: undefined, logBytesLeft: LOG_BYTES_PER_CALL, logBytesDropped: 0 }

const log = (level, text) => {
  const call = currentCall() ?? outsideCalls
  if (call.logBytesLeft <= 0) {
    call.logBytesDropped += text.length
    return
  }
  const line = text.length > LOG_LINE_BYTES ? `${text.slice(0, LOG_LINE_BYTES)}…` : text
  call.logBytesLeft -= line.length
  say({ kind: 'log', id: call.id, level, atMs: Date.now() }, line)
}

const sayWhatWasDropped = ({ id, logBytesDropped }) => {
  if (logBytesDropped > 0)
    say({ kind: 'log', id, level: 'warn', atMs: Date.now() }, `… ${logBytesDropped} more characters`)
}

const captureOutput = () => {
  const levels = {
    log: 'info',
    info: 'info',
    debug: 'debug',
    trace: 'debug',
    dir: 'info',
    warn: 'warn',
    error: 'error',
  }
  for (const [method, level] of Object.entries(levels)) {
    console[method] = (...values) => {
      const call = currentCall() ?? outsideCalls
      // Formatting what nobody will read is the expensive half of a flood.
      if (call.logBytesLeft > 0) log(level, util.format(...values))
      else call.logBytesDropped += 1
    }
  }
  const capture = (level) => (chunk, encoding, callback) => {
    log(level, String(chunk).replace(/\n$/, ''))
    const done = typeof encoding === 'function' ? encoding : callback
    if (done) process.nextTick(done)
    return true
  }
  process.stdout.write = capture('info')
  process.stderr.write = capture('error')
}

/** What went wrong, with enough to find the line and without this file's own frames. */
const describe = (thrown) => {
  const error = thrown instanceof Error ? thrown : undefined
  const stack = error?.stack?.split('\n').filter((line) => !line.includes(__filename) && !/\(?node:/.test(line))
  const message = error ? error.message : typeof thrown === 'string' ? thrown : util.inspect(thrown)
  return { name: error?.name ?? 'Error', message, code: String(error?.code ?? ''), stack: stack?.join('\n') ?? message }
}

/** Ends a call exactly once, whatever else it still does. */
const end = (call, header, body) => {
  if (call.isEnded) return
  call.isEnded = true
  if (onlyCall === call) onlyCall = undefined
  sayWhatWasDropped(call)
  say({ ...header, id: call.id, memoryBytes: process.memoryUsage.rss() }, body)
}

/** Makes `wx-server-sdk` mean another file, for projects that pin a version which cannot be redirected. */
const serveSdkFrom = (sdkFile) => {
  const url = pathToFileURL(sdkFile).href
  module_.registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'wx-server-sdk' ? { url, format: 'commonjs', shortCircuit: true } : next(specifier, context),
  })
}

const load = async ({ entryFile, exportName, environment, sdkFile, isLight }) => {
  try {
    Object.assign(process.env, environment)
    process.chdir(path.dirname(entryFile))
    loadFromOwnFolder(path.dirname(entryFile))
    if (isLight) serveManyCalls()
    if (sdkFile) serveSdkFrom(sdkFile)
    if (/\.[cm]?ts$/.test(entryFile)) require('./typescript-hooks.cjs').serveTypeScript(entryFile, sdkFile)
    const exported = await loadModule(entryFile)
    main = exported[exportName] ?? exported.default?.[exportName]
    if (typeof main !== 'function') throw new TypeError(`${path.basename(entryFile)} does not export "${exportName}"`)
    say({ kind: 'loaded' })
  } catch (error) {
    say({ kind: 'load-failed', error: describe(error) })
  }
}

/** `require('lib/x')` means `./lib/x`, too: Tencent's runtimes have the function's folder in NODE_PATH. */
const loadFromOwnFolder = (folder) => {
  process.env.NODE_PATH = [folder, path.join(folder, 'node_modules')].join(path.delimiter)
  // Node reads the variable when it starts, before this process knows its function.
  module_.Module._initPaths()
}

/** Sampan's light SDK finds the call it runs for here, instead of in the process's variables. */
const serveManyCalls = () => {
  const { AsyncLocalStorage } = require('node:async_hooks')
  callStorage = new AsyncLocalStorage()
  globalThis[Symbol.for('sampan.call')] = () => callStorage.getStore()?.environment
}

const loadModule = async (file) => {
  try {
    return require(file)
  } catch (error) {
    // A module with top-level await cannot be required.
    if (error?.code !== 'ERR_REQUIRE_ASYNC_MODULE') throw error
    return import(pathToFileURL(file).href)
  }
}

const setIdentity = (environment) => {
  for (const name of identityKeys) delete process.env[name]
  identityKeys = Object.keys(environment)
  Object.assign(process.env, environment)
}

const run = (header, body) => {
  const { id, environment, resultLimitBytes } = header
  const call = { id, environment, resultLimitBytes, logBytesLeft: LOG_BYTES_PER_CALL, logBytesDropped: 0 }
  if (callStorage) return callStorage.run(call, () => runCall(call, header, body))
  onlyCall = call
  setIdentity(environment)
  return runCall(call, header, body)
}

const runCall = async (call, { context, userInfo }, body) => {
  try {
    const event = JSON.parse(body.toString('utf8'))
    if (userInfo && event !== null && typeof event === 'object' && !Array.isArray(event)) event.userInfo = userInfo
    const variables = callStorage ? { ...process.env, ...call.environment } : process.env
    const result = await callMain(event, { ...context, environment: JSON.stringify(variables) })
    const text = JSON.stringify(result)
    const bytes = Buffer.byteLength(text ?? '')
    if (bytes > call.resultLimitBytes) end(call, { kind: 'too-large', bytes })
    else end(call, { kind: 'done', hasResult: text !== undefined }, text)
  } catch (error) {
    end(call, { kind: 'failed', error: describe(error) })
  }
}

/** Both of CloudBase's styles: a promise, and a third parameter that is called back. */
const callMain = (event, context) => {
  if (main.length < 3) return main(event, context)
  return new Promise((resolve, reject) => {
    const returned = main(event, context, (error, result) => (error ? reject(error) : resolve(result)))
    if (returned && typeof returned.then === 'function') returned.then(resolve, reject)
  })
}

process.on('unhandledRejection', (reason) => log('error', `Unhandled rejection: ${describe(reason).stack}`))
process.on('uncaughtException', (error) => {
  const call = currentCall()
  log('error', `Uncaught exception: ${describe(error).stack}`)
  // State after an uncaught exception is anybody's guess: this process serves nobody else.
  if (call) end(call, { kind: 'failed', error: describe(error) })
  process.exit(70)
})

const obey = (header, body) => {
  if (header.kind === 'load') load(header)
  else if (header.kind === 'run') run(header, body)
}

let pending = Buffer.alloc(0)
const commands = new net.Socket({ fd: COMMANDS_FD, readable: true, writable: false })
commands.on('data', (chunk) => {
  pending = pending.length ? Buffer.concat([pending, chunk]) : chunk
  while (pending.length >= 8) {
    const bodyStart = 8 + pending.readUInt32LE(0)
    const end = bodyStart + pending.readUInt32LE(4)
    if (pending.length < end) return
    const header = JSON.parse(pending.toString('utf8', 8, bodyStart))
    const body = pending.subarray(bodyStart, end)
    pending = pending.subarray(end)
    obey(header, body)
  }
})
// The server is gone: nobody is left to answer to.
commands.on('close', () => process.exit(0))

captureOutput()
say({ kind: 'ready' })
