/** Every command, in the order in which a team meets them: plan → build → prove → ship → watch. */
import type { Command } from './command.ts'

/** Loaded one by one: some bring hundreds of modules along, which nobody who starts a server should wait for. */
const LOADERS: Readonly<Record<string, () => Promise<Command>>> = {
  plan: async () => (await import('./commands/plan.ts')).plan,
  dev: async () => (await import('./commands/dev.ts')).dev,
  call: async () => (await import('./commands/call.ts')).call,
  import: async () => (await import('./commands/import.ts')).importCommand,
  export: async () => (await import('./commands/export.ts')).exportCommand,
  bench: async () => (await import('./commands/bench.ts')).bench,
  start: async () => (await import('./commands/start.ts')).start,
  key: async () => (await import('./commands/key.ts')).key,
  indexes: async () => (await import('./commands/indexes.ts')).indexes,
  jobs: async () => (await import('./commands/jobs.ts')).jobs,
  status: async () => (await import('./commands/status.ts')).status,
  backup: async () => (await import('./commands/backup.ts')).backup,
  doctor: async () => (await import('./commands/doctor.ts')).doctor,
  console: async () => (await import('./commands/console.ts')).consoleCommand,
}

/** The command of this name; every command if there is none, or without a name. */
export async function loadCommands(name?: string): Promise<readonly Command[]> {
  const load = name !== undefined && Object.hasOwn(LOADERS, name) ? LOADERS[name] : undefined
  return load ? [await load()] : Promise.all(Object.values(LOADERS).map((each) => each()))
}
