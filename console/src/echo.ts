/**
 * "The same from the command line": what was just done in the console, as a command or as code that can be copied.
 * Pages set it after each action; the frame shows it at the foot of the page.
 */
import { ref } from 'vue'

export type Echo = { readonly label: string; readonly code: string }

export const echoes = ref<readonly Echo[]>([])

export const showEcho = (...items: Echo[]) => {
  echoes.value = items
}

/** One word of a shell command. */
export const shellWord = (text: string) => (/^[\w./:@=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`)
