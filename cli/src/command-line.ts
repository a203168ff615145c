/** From words to a command and its checked options. */
import { parseArgs } from 'node:util'
import { type Command, type CommandInput, type OptionSpec, UsageError } from './command.ts'

/** Understood by every command. */
export const COMMON_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  help: { type: 'boolean', short: 'h', about: { en: 'Show this help', zh: '显示帮助' } },
  json: { type: 'boolean', about: { en: 'Print the result as JSON', zh: '以 JSON 输出结果' } },
  lang: { type: 'string', value: 'zh|en', about: { en: 'Language of the output', zh: '输出语言' } },
  yes: { type: 'boolean', short: 'y', about: { en: 'Ask no questions', zh: '不提问,使用默认值' } },
  debug: { type: 'boolean', about: { en: 'Show stack traces', zh: '显示调用栈' } },
}

type Parsed = { command: Command; input: CommandInput; wantsHelp: boolean; json: boolean; isSilent: boolean }

/** @throws {UsageError} for an unknown command or option, a missing argument, or a number that is none */
export function parseCommandLine(
  commands: readonly Command[],
  name: string,
  words: string[],
  lang: 'zh' | 'en',
): Parsed {
  const command = commands.find((candidate) => candidate.name === name)
  if (!command) throw unknownCommand(commands, name, lang)

  const specs: Record<string, OptionSpec> = { ...COMMON_OPTIONS, ...command.options }
  const { values, positionals } = parse(command, specs, words, lang)
  const wantsHelp = values['help'] === true
  const missing = (command.positionals ?? []).find(({ required }, at) => required && positionals[at] === undefined)
  if (missing && !wantsHelp) {
    throw new UsageError(lang === 'zh' ? `缺少 ${missing.name}。` : `${missing.name} is missing.`, helpHint(name, lang))
  }
  return {
    command,
    input: { options: numbersRead(specs, values, name, lang), positionals },
    wantsHelp,
    json: values['json'] === true,
    isSilent: values['yes'] === true,
  }
}

function parse(command: Command, specs: Record<string, OptionSpec>, words: string[], lang: 'zh' | 'en') {
  const options = Object.fromEntries(
    Object.entries(specs).map(([name, { type, short, multiple }]) => [
      name,
      {
        type: type === 'boolean' ? ('boolean' as const) : ('string' as const),
        ...(short && { short }),
        multiple: multiple ?? false,
      },
    ]),
  )
  try {
    return parseArgs({
      args: joinNegativeNumbers(words, specs),
      options,
      allowPositionals: (command.positionals ?? []).length > 0,
      strict: true,
    })
  } catch (error) {
    const message = error instanceof Error ? error.message.split('. ')[0] : String(error)
    throw new UsageError(`${message}.`, helpHint(command.name, lang))
  }
}

/** `--dau -5` is a number below zero, which its reader refuses with a reason; parseArgs would call it ambiguous. */
function joinNegativeNumbers(words: readonly string[], specs: Record<string, OptionSpec>): string[] {
  const takesNumber = (word = '') => word.startsWith('--') && specs[word.slice(2)]?.type === 'number'
  const isValue = (index: number) => takesNumber(words[index - 1]) && /^-\d/.test(words[index] ?? '')
  return words.flatMap((word, index) =>
    isValue(index) ? [] : isValue(index + 1) ? `${word}=${words[index + 1]}` : word,
  )
}

function numbersRead(
  specs: Record<string, OptionSpec>,
  values: Record<string, unknown>,
  name: string,
  lang: 'zh' | 'en',
) {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => {
      if (specs[key]?.type !== 'number') return [key, value]
      const number = Number(value)
      if (value === '' || !Number.isFinite(number)) {
        const message =
          lang === 'zh' ? `--${key} 需要数字,得到“${value}”。` : `--${key} takes a number, got "${value}".`
        throw new UsageError(message, helpHint(name, lang))
      }
      return [key, number]
    }),
  )
}

const helpHint = (name: string, lang: 'zh' | 'en') =>
  lang === 'zh' ? `用法见:sampan ${name} --help` : `See: sampan ${name} --help`

function unknownCommand(commands: readonly Command[], name: string, lang: 'zh' | 'en') {
  const names = commands.map((command) => command.name).join(', ')
  return lang === 'zh'
    ? new UsageError(`没有“${name}”这个命令。`, `可用命令:${names}。运行 sampan help 查看说明。`)
    : new UsageError(`There is no command "${name}".`, `Commands: ${names}. Run sampan help to see what they do.`)
}
