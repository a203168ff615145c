/** The help texts, made from the commands themselves. */
import { type Command, type OptionSpec, UsageError } from './command.ts'
import { COMMON_OPTIONS } from './command-line.ts'

type Lang = 'zh' | 'en'

/** All commands, or one by name. @throws {UsageError} for an unknown name */
export function renderHelp(commands: readonly Command[], name: string | undefined, lang: Lang): string {
  if (name) {
    const command = commands.find((candidate) => candidate.name === name)
    if (!command)
      throw new UsageError(lang === 'zh' ? `没有“${name}”这个命令。` : `There is no command "${name}".`, 'sampan help')
    return renderCommandHelp(command, lang)
  }
  const width = Math.max(...commands.map((command) => command.name.length))
  const rows = commands.map((command) => `  ${command.name.padEnd(width)}  ${command.summary[lang]}`)
  return lang === 'zh'
    ? [
        '舢板 Sampan:一台轻量服务器上的小程序后端',
        '',
        '用法:sampan <命令> [选项]',
        '',
        ...rows,
        '',
        '查看某个命令:sampan <命令> --help',
      ].join('\n')
    : [
        'Sampan: the backend for WeChat mini programs on one light server',
        '',
        'Usage: sampan <command> [options]',
        '',
        ...rows,
        '',
        'More about one: sampan <command> --help',
      ].join('\n')
}

export function renderCommandHelp(command: Command, lang: Lang): string {
  const { summary, usage, examples, options, positionals = [] } = command
  const titles =
    lang === 'zh'
      ? { usage: '用法', options: '选项', examples: '示例' }
      : { usage: 'Usage', options: 'Options', examples: 'Examples' }
  const rows: [string, string][] = [
    ...positionals.map(({ name, about }): [string, string] => [name, about[lang]]),
    ...Object.entries({ ...options, ...COMMON_OPTIONS }).map(([name, spec]): [string, string] => [
      optionForm(name, spec),
      spec.about[lang],
    ]),
  ]
  const width = Math.max(...rows.map(([form]) => form.length))
  return [
    summary[lang],
    '',
    `${titles.usage}: ${usage}`,
    '',
    `${titles.options}:`,
    ...rows.map(([form, about]) => `  ${form.padEnd(width)}  ${about}`),
    '',
    `${titles.examples}:`,
    ...examples.map((example) => `  ${example}`),
  ].join('\n')
}

function optionForm(name: string, { short, type, value }: OptionSpec): string {
  const form = short ? `-${short}, --${name}` : `--${name}`
  return type === 'boolean' ? form : `${form} ${value ?? (type === 'number' ? 'N' : 'TEXT')}`
}
