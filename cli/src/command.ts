/** What a command is: a value that says what it takes, calls, prints and returns an exit code. */

export type Bilingual = { readonly en: string; readonly zh: string }

export type OptionSpec = {
  readonly about: Bilingual
  readonly type: 'string' | 'boolean' | 'number'
  readonly short?: string
  readonly multiple?: boolean
  /** Shown in the help as the name of the value, such as DIR. */
  readonly value?: string
}

export type Output = {
  /** A result, to stdout. */
  result(text: string): void
  /** Progress and remarks, to stderr. */
  progress(text: string): void
  readonly lang: 'zh' | 'en'
  readonly json: boolean
  /** Whether questions may be asked: stdin and stdout are terminals and `--yes` was not given. */
  readonly isInteractive: boolean
  readonly color: boolean
}

export type CommandInput = { readonly options: Record<string, unknown>; readonly positionals: readonly string[] }

/** What the process around the command gives it. */
export type CommandContext = {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Resolves when the person or the system asks the process to stop. */
  readonly stopped: Promise<void>
}

export type Command = {
  readonly name: string
  readonly summary: Bilingual
  /** Such as `sampan call NAME [options]`. */
  readonly usage: string
  readonly examples: readonly string[]
  readonly options: Readonly<Record<string, OptionSpec>>
  readonly positionals?: readonly { readonly name: string; readonly about: Bilingual; readonly required?: boolean }[]
  /** Exit code: 0 done, 1 failed, 2 used wrongly. */
  run(input: CommandInput, output: Output, context: CommandContext): Promise<number>
}

/** The command line itself is wrong: shown with its hint, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  readonly hint: string

  constructor(message: string, hint = '') {
    super(message)
    this.hint = hint
  }
}

/** The command could not do its work for a reason that a person can act on: shown with its hint, exit code 1. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly hint: string

  constructor(message: string, hint = '', options?: ErrorOptions) {
    super(message, options)
    this.hint = hint
  }
}
