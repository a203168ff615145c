/** Every command, in the order in which a team meets them: plan → build → prove → ship → watch. */
import type { Command } from './command.ts'
import { backup } from './commands/backup.ts'
import { bench } from './commands/bench.ts'
import { call } from './commands/call.ts'
import { consoleCommand } from './commands/console.ts'
import { dev } from './commands/dev.ts'
import { doctor } from './commands/doctor.ts'
import { exportCommand } from './commands/export.ts'
import { importCommand } from './commands/import.ts'
import { indexes } from './commands/indexes.ts'
import { key } from './commands/key.ts'
import { plan } from './commands/plan.ts'
import { start } from './commands/start.ts'
import { status } from './commands/status.ts'

export const COMMANDS: readonly Command[] = [
  plan,
  dev,
  call,
  importCommand,
  exportCommand,
  bench,
  start,
  key,
  indexes,
  status,
  backup,
  doctor,
  consoleCommand,
]
