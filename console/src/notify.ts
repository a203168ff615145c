/** Short messages at the top of the page. */
import { MessagePlugin } from 'tdesign-vue-next/es/message'
import { ApiError } from './api.ts'
import { t } from './language.ts'

const SUCCESS_SHOWN_MS = 2_500
const FAILURE_SHOWN_MS = 8_000

export const told = (text: string) => void MessagePlugin.success({ content: text, duration: SUCCESS_SHOWN_MS })

/** What failed, what to do next, and the id under which the server's log has it. */
export function tellFailure(error: unknown) {
  const content =
    error instanceof ApiError
      ? [error.message, error.hint, error.requestId && t(`Request ${error.requestId}`, `请求 ${error.requestId}`)]
          .filter(Boolean)
          .join(' ')
      : String(error)
  void MessagePlugin.error({ content, duration: FAILURE_SHOWN_MS, closeBtn: true })
}

/** Runs an action of the person at the screen; a failure is told, never swallowed. */
export async function attempt<T>(action: () => Promise<T>): Promise<T | undefined> {
  try {
    return await action()
  } catch (error) {
    tellFailure(error)
    return undefined
  }
}
