/** Two network namespaces with a cable between them that carries so many megabits: a phone and a server, on one machine. */
import { spawnSync } from 'node:child_process'

export type ShapedLine = {
  /** Address of the server's end. */
  readonly serverAddress: string
  /** Words to put before a command so that it runs at that end. */
  readonly atServer: readonly string[]
  readonly atPhone: readonly string[]
  /** Bytes that have left for the phone, with all headers down to Ethernet's. */
  bytesToPhone(): number
  close(): void
}

const SERVER_ADDRESS = '10.231.0.1'
const PHONE_ADDRESS = '10.231.0.2'
const BURST = '32kbit'
const LATENCY = '400ms'

export const missingForLine = (): string | undefined => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'network namespaces need Linux and root'
  for (const [program, flag, name] of [
    ['ip', '-V', 'iproute2'],
    ['tc', '-V', 'iproute2'],
    ['nginx', '-v', 'nginx'],
    ['openssl', 'version', 'openssl'],
  ] as const) {
    if (spawnSync(program, [flag]).status !== 0) return `${program} is missing (apt-get install ${name})`
  }
  return undefined
}

/** @throws {Error} if the kernel refuses */
export function openShapedLine(megabits: number): ShapedLine {
  const suffix = process.pid.toString(36)
  const [server, phone, serverEnd, phoneEnd] = [`sb-s-${suffix}`, `sb-p-${suffix}`, `sbs${suffix}`, `sbp${suffix}`]
  const close = () => {
    for (const name of [server, phone]) spawnSync('ip', ['netns', 'del', name])
  }
  try {
    run('ip', 'netns', 'add', server)
    run('ip', 'netns', 'add', phone)
    run('ip', 'link', 'add', serverEnd, 'netns', server, 'type', 'veth', 'peer', 'name', phoneEnd, 'netns', phone)
    for (const [name, end, address] of [
      [server, serverEnd, SERVER_ADDRESS],
      [phone, phoneEnd, PHONE_ADDRESS],
    ] as const) {
      const ip = (...words: string[]) => run('ip', '-n', name, ...words)
      ip('addr', 'add', `${address}/24`, 'dev', end)
      ip('link', 'set', end, 'up')
      ip('link', 'set', 'lo', 'up')
      const shape = ['root', 'tbf', 'rate', `${megabits}mbit`, 'burst', BURST, 'latency', LATENCY]
      run('tc', '-n', name, 'qdisc', 'add', 'dev', end, ...shape)
    }
  } catch (error) {
    close()
    throw error
  }
  const inside = (name: string) => ['ip', 'netns', 'exec', name]
  const counter = [...inside(server), 'cat', `/sys/class/net/${serverEnd}/statistics/tx_bytes`]
  const bytesToPhone = () => Number(spawnSync(counter[0] ?? '', counter.slice(1), { encoding: 'utf8' }).stdout)
  return { serverAddress: SERVER_ADDRESS, atServer: inside(server), atPhone: inside(phone), bytesToPhone, close }
}

function run(program: string, ...words: string[]) {
  const { status, stderr } = spawnSync(program, words, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${program} ${words.join(' ')}: ${stderr.trim()}`)
}
