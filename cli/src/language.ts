/** Chinese or English: `--lang`, otherwise what the terminal's locale says. */
export function detectLanguage(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): 'zh' | 'en' {
  const at = argv.indexOf('--lang')
  const asked = at >= 0 ? argv[at + 1] : argv.find((word) => word.startsWith('--lang='))?.slice('--lang='.length)
  const locale = asked ?? env['LC_ALL'] ?? env['LC_MESSAGES'] ?? env['LANG'] ?? ''
  return /^zh/i.test(locale) ? 'zh' : 'en'
}
