/** Finds the command, parses its options, runs it, and turns what it throws into a message and a hint. */
import { parseCommandLine } from './command-line.ts'
import { loadCommands } from './commands.ts'
import { renderFailure } from './failure.ts'
import { renderCommandHelp, renderHelp } from './help.ts'
import { detectLanguage } from './language.ts'

export type ProcessFacts = {
  /** Without the program and the script. */
  readonly words: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
}

/** @returns the exit code: 0 done, 1 failed, 2 used wrongly */
export async function runCommandLine({ words, env }: ProcessFacts): Promise<number> {
  const lang = detectLanguage(words, env)
  try {
    return await run([...words], env, lang)
  } catch (error) {
    process.stderr.write(`${renderFailure(error, { lang, isDebug: words.includes('--debug') })}\n`)
    return error instanceof Error && error.name === 'UsageError' ? 2 : 1
  }
}

async function run(words: string[], env: ProcessFacts['env'], lang: 'zh' | 'en'): Promise<number> {
  const [name = 'help', ...rest] = words
  if (name === 'help' || name === '--help' || name === '-h')
    return print(renderHelp(await loadCommands(), rest[0], lang))

  const { command, input, wantsHelp, json, isSilent } = parseCommandLine(await loadCommands(name), name, rest, lang)
  if (wantsHelp) return print(renderCommandHelp(command, lang))

  const isInteractive = Boolean(process.stdin.isTTY && process.stdout.isTTY) && !isSilent
  const output = {
    result: (text: string) => void process.stdout.write(`${text}\n`),
    progress: (text: string) => void process.stderr.write(`${text}\n`),
    lang,
    json,
    isInteractive,
    color: Boolean(process.stdout.isTTY) && !env['NO_COLOR'],
  }
  return command.run(input, output, { env, stopped: stopSignal() })
}

function print(text: string): number {
  process.stdout.write(`${text}\n`)
  return 0
}

/** Ctrl-C or `systemctl stop`; asked twice, the process ends at once. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let asked = 0
    const stop = () => {
      asked += 1
      if (asked > 1) process.exit(130)
      resolve()
    }
    process.on('SIGINT', stop)
    process.on('SIGTERM', stop)
  })
}
