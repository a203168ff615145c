/** Every command, in the order in which a team meets them: plan → build → prove → ship → watch. */
import type { Command } from './command.ts'
import { bench } from './commands/bench.ts'
import { call } from './commands/call.ts'
import { dev } from './commands/dev.ts'
import { exportCommand } from './commands/export.ts'
import { importCommand } from './commands/import.ts'
import { indexes } from './commands/indexes.ts'
import { key } from './commands/key.ts'
import { plan } from './commands/plan.ts'
import { start } from './commands/start.ts'

export const COMMANDS: readonly Command[] = [plan, dev, call, importCommand, exportCommand, bench, start, key, indexes]
