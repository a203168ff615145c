/** Installs the peers' packages into this folder, apart from Sampan's own, the first time they are needed. */
import { spawnSync } from 'node:child_process'
import type { Peer } from './peer.ts'

const INSTALL_LIMIT_MS = 180_000

export function installPeers(peers: readonly Peer[], say: (line: string) => void) {
  if (!peers.some((peer) => peer.missing?.()?.includes('is not installed'))) return
  say('installing the peers’ packages into bench/peers/node_modules (once)')
  const install = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock'], {
    cwd: import.meta.dirname,
    timeout: INSTALL_LIMIT_MS,
    encoding: 'utf8',
  })
  if (install.status !== 0) say(`✗ npm install failed: ${install.stderr.trim().split('\n').at(-1) ?? ''}`)
}
