/** A list that is read page by page, newest first: audit, orders. */
import { type Ref, ref, shallowRef } from 'vue'
import { attempt } from './notify.ts'

export type Page<Item> = { readonly items: readonly Item[]; readonly next: number | null }

/** @param read the page before this moment; undefined: the newest one */
export function pagedList<Item>(read: (beforeMs: number | undefined) => Promise<Page<Item>>) {
  const items: Ref<readonly Item[]> = shallowRef([])
  const next = ref<number | null>(null)

  async function load(beforeMs?: number) {
    const page = await attempt(() => read(beforeMs))
    if (!page) return
    items.value = beforeMs === undefined ? page.items : [...items.value, ...page.items]
    next.value = page.next
  }
  return { items, next, load, more: () => load(next.value ?? undefined) }
}
