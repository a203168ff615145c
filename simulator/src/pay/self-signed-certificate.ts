import { type KeyObject, sign, X509Certificate } from 'node:crypto'

const SHA256_WITH_RSA = Buffer.from('300d06092a864886f70d01010b0500', 'hex')
const COMMON_NAME = Buffer.from('0603550403', 'hex')

type Facts = {
  name: string
  /** 40 hexadecimal digits. */
  serial: string
  publicKey: KeyObject
  privateKey: KeyObject
  fromMs: number
  toMs: number
}

/** An X.509 certificate in PEM. Node can read certificates but not make them, and this is all that is needed of one. */
export function createCertificate({ name, serial, publicKey, privateKey, fromMs, toMs }: Facts): string {
  const subject = der(0x30, der(0x31, der(0x30, COMMON_NAME, der(0x0c, Buffer.from(name)))))
  const body = der(
    0x30,
    der(0xa0, der(0x02, Buffer.from([2]))), // version 3
    der(0x02, Buffer.from(serial, 'hex')),
    SHA256_WITH_RSA,
    subject,
    der(0x30, utcTime(fromMs), utcTime(toMs)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
  )
  const signature = der(0x03, Buffer.from([0]), sign('sha256', body, privateKey))
  return new X509Certificate(der(0x30, body, SHA256_WITH_RSA, signature)).toString()
}

/** Tag, length, content. Lengths from 128 on are written as the number of their bytes and the bytes. */
function der(tag: number, ...content: Buffer[]): Buffer {
  const body = Buffer.concat(content)
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body])
  const digits = body.length.toString(16)
  const length = Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex')
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, body])
}

function utcTime(ms: number) {
  const text = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, '')
  return der(0x17, Buffer.from(text.slice(2)))
}
