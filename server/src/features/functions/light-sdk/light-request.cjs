/** Requests to the server's /admin door, over connections that stay open. */
const http = require('node:http')

const TIMEOUT_MS = 15_000
const agent = new http.Agent({ keepAlive: true, maxSockets: 64 })
const currentCall = globalThis[Symbol.for('sampan.call')]

/** The variables of the call that the running code belongs to; none outside of calls. */
const callVariables = () => currentCall?.() ?? {}

/** One action. @throws the server's `{ code, message }`, or what the connection threw */
const ask = async (action, fields, timeoutMs = TIMEOUT_MS) => {
  const variables = callVariables()
  const body = JSON.stringify({
    ...fields,
    action,
    envName: process.env.TCB_ENV,
    sessionToken: process.env.TENCENTCLOUD_SESSIONTOKEN,
    // Never empty: the server must not guess whose call this is where many run.
    wxCloudApiToken: variables.WX_API_TOKEN ?? 'outside-of-calls',
  })
  const { URL: url } = JSON.parse(process.env.TCB_CONTEXT_CNFG)
  const bytes = await send(url, {
    method: 'POST',
    body,
    timeoutMs,
    headers: { 'content-type': 'application/json', 'x-request-id': requestIdOf(variables) },
  })
  const answer = JSON.parse(bytes.toString('utf8'))
  if (answer.code) throw Object.assign(answer, { isServerAnswer: true })
  return answer
}

const requestIdOf = ({ TCB_SEQID = '' }) => TCB_SEQID

const send = (url, { method, body, headers = {}, timeoutMs = TIMEOUT_MS }) =>
  new Promise((resolve, reject) => {
    const request = http.request(url, { method, agent, headers, timeout: timeoutMs }, (response) => {
      const chunks = []
      response.on('data', (chunk) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const bytes = Buffer.concat(chunks)
        if (response.statusCode < 300) resolve(bytes)
        else
          reject(
            Object.assign(new Error(`${response.statusCode} ${http.STATUS_CODES[response.statusCode]}`), { bytes }),
          )
      })
    })
    request.on('timeout', () => request.destroy(new Error('request timeout')))
    request.on('error', reject)
    if (typeof body?.pipe === 'function') body.pipe(request)
    else request.end(body)
  })

module.exports = { ask, callVariables, send }
