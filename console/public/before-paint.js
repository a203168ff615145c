// Sets colours and language before the first paint, so that a dark screen never flashes white.
// A file of its own because the content security policy forbids inline scripts.
;(() => {
  const stored = (key) => {
    try {
      return localStorage.getItem(key)
    } catch {
      return null
    }
  }
  const theme = stored('sampan-theme') || (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')
  const lang = stored('sampan-lang') || (navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en')
  document.documentElement.setAttribute('theme-mode', theme)
  document.documentElement.lang = lang === 'zh' ? 'zh-CN' : 'en'
})()
