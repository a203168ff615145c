/**
 * E-mail as an alarm channel. The address is one URL, as with the robots, and the password is its secret:
 * `smtps://alarm%40example.com@smtp.example.com:465?to=me@example.com`. `smtp://` begins in the clear and must then be
 * encrypted (STARTTLS), unless the address says `tls=off`, for a relay on this machine. Mainland hosts block port 25.
 */
import { ChannelError } from './channel-error.ts'

export type MailSettings = {
  readonly host: string
  readonly port: number
  /** Encrypted from the first byte, not from STARTTLS on. */
  readonly isEncryptedAtOnce: boolean
  readonly isPlain: boolean
  /** Empty: the server takes mail without a log-in. */
  readonly user: string
  readonly from: string
  readonly to: readonly string[]
}
type MailAccount = { readonly url: string; readonly secret?: string }
type Mail = { readonly title: string; readonly text: string }
/** Authorities to trust beside the usual ones; a test brings its own. */
export type MailTrust = { readonly ca?: string }

const SMTPS_PORT = 465
const SUBMISSION_PORT = 587
const RECIPIENTS_MAX = 10
const STEP_TIMEOUT_MS = 8_000
/** A server that answers every step late must not hold up the alarm for the next channel. */
const TOTAL_TIMEOUT_MS = 20_000
const MAIL_ADDRESS = /^[^\s@<>,;"]+@[^\s@<>,;"]+$/
const ANSWER_CHARACTERS_SHOWN = 200
/** Node's names for what can be wrong with a certificate. */
const CERTIFICATE_FAULT = /CERT|ALTNAME/

/** @throws {Error} that says what is wrong with the address */
export function parseMailUrl(text: string): MailSettings {
  const url = URL.parse(text)
  if (!url?.hostname || !/^smtps?:$/.test(url.protocol))
    throw new Error('An address such as smtps://user@host:465?to=…')
  if (url.password) throw new Error('The password belongs into the secret, not into the address.')
  const isEncryptedAtOnce = url.protocol === 'smtps:'
  const user = decodeURIComponent(url.username)
  const from = url.searchParams.get('from') ?? user
  // A plus sign is part of many addresses, and a query would read it as a space.
  const to = (url.searchParams.get('to') ?? '').replaceAll(' ', '+').split(',').filter(Boolean)
  if (!to.length || to.length > RECIPIENTS_MAX) throw new Error(`It needs ?to= with 1 to ${RECIPIENTS_MAX} recipients.`)
  const wrong = [from, ...to].find((address) => !MAIL_ADDRESS.test(address))
  if (wrong !== undefined) throw new Error(`"${wrong}" is no e-mail address${wrong === from ? ': add from=' : ''}.`)
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port) || (isEncryptedAtOnce ? SMTPS_PORT : SUBMISSION_PORT),
    isEncryptedAtOnce,
    isPlain: !isEncryptedAtOnce && url.searchParams.get('tls') === 'off',
    user,
    from,
    to,
  }
}

/** @throws {ChannelError} with the server's own code, such as 535, or what kept us from talking to it */
export async function sendMail({ url, secret }: MailAccount, message: Mail, { ca }: MailTrust = {}) {
  const settings = readSettings(url)
  // Loaded here: most servers tell a robot, and should not carry a mail library.
  const { createTransport } = await import('nodemailer')
  const transport = createTransport({
    host: settings.host,
    port: settings.port,
    secure: settings.isEncryptedAtOnce,
    requireTLS: !settings.isPlain,
    ignoreTLS: settings.isPlain,
    ...(settings.user && { auth: { user: settings.user, pass: secret ?? '' } }),
    ...(ca && { tls: { ca } }),
    connectionTimeout: STEP_TIMEOUT_MS,
    greetingTimeout: STEP_TIMEOUT_MS,
    socketTimeout: STEP_TIMEOUT_MS,
    dnsTimeout: STEP_TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  const { from, to } = settings
  const late = lateness()
  try {
    const sending = transport.sendMail({ from, to: [...to], subject: message.title, text: message.text })
    const { rejected } = await Promise.race([sending, late.promise])
    // The others have it: sending it through the next channel as well would tell them twice.
    if (rejected.length === to.length) throw new ChannelError('recipient_refused', 'No recipient was accepted.')
  } catch (error) {
    throw error instanceof ChannelError ? error : refusal(error)
  } finally {
    late.stop()
    transport.close()
  }
}

function readSettings(url: string) {
  try {
    return parseMailUrl(url)
  } catch (cause) {
    throw new ChannelError('bad_address', cause instanceof Error ? cause.message : 'Not a mail address.', { cause })
  }
}

function lateness() {
  const { promise, reject } = Promise.withResolvers<never>()
  const tooLate = () => reject(new ChannelError('unreachable', 'The mail server did not finish in time.'))
  const timer = setTimeout(tooLate, TOTAL_TIMEOUT_MS)
  return { promise, stop: () => clearTimeout(timer) }
}

/** What the library throws carries the server's three digits, or its own word for what went wrong before an answer. */
function refusal(cause: unknown): ChannelError {
  const facts: { responseCode?: unknown; response?: unknown; code?: unknown; originalCode?: unknown } =
    typeof cause === 'object' && cause !== null ? cause : {}
  const said = typeof facts.response === 'string' ? facts.response.slice(0, ANSWER_CHARACTERS_SHOWN) : ''
  if (facts.code === 'ETLS') return new ChannelError('no_tls', 'The mail server offers no encryption.', { cause })
  if (typeof facts.responseCode === 'number') {
    return new ChannelError(String(facts.responseCode), `Refused: ${said}`, { cause })
  }
  if (CERTIFICATE_FAULT.test(String(facts.originalCode ?? facts.code))) {
    return new ChannelError('bad_certificate', `Its certificate cannot be trusted: ${facts.originalCode}`, { cause })
  }
  return new ChannelError('unreachable', 'The mail server could not be reached, or broke off.', { cause })
}
