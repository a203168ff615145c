/** What a person sees when a command fails: what happened, then what to do; the stack only with --debug. */
type Options = { readonly lang: 'zh' | 'en'; readonly isDebug: boolean }

export function renderFailure(thrown: unknown, { lang, isDebug }: Options): string {
  if (!(thrown instanceof Error)) return `✗ ${String(thrown)}`
  const hint = 'hint' in thrown && typeof thrown.hint === 'string' ? thrown.hint : ''
  const isExpected =
    hint !== '' || ['UsageError', 'CommandError', 'ConfigError', 'AppError', 'PlanInputError'].includes(thrown.name)
  const lines = [`✗ ${thrown.message}`]
  if (hint) lines.push(`  ${hint}`)
  if (!isExpected && !isDebug) {
    lines.push(lang === 'zh' ? '  加上 --debug 可以看到出错的位置。' : '  Run it again with --debug to see where.')
  }
  if (isDebug) lines.push(thrown.stack ?? '')
  if (isDebug && thrown.cause instanceof Error) lines.push(`caused by ${thrown.cause.stack}`)
  return lines.join('\n')
}
