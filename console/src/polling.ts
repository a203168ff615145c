/** Asks again every few seconds while the page is looked at; a hidden tab asks nothing. */
import { onBeforeUnmount, onMounted } from 'vue'

export function poll(load: () => Promise<unknown>, everyMs: number) {
  let timer: ReturnType<typeof setTimeout> | undefined
  let isOver = false

  async function turn() {
    if (!document.hidden) await load().catch(() => undefined) // a failed turn is told by the page's own state
    if (!isOver) timer = setTimeout(turn, everyMs)
  }
  onMounted(turn)
  onBeforeUnmount(() => {
    isOver = true
    clearTimeout(timer)
  })
}
