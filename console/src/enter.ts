/** Getting in, by a password or by a set-up link: one button that is busy, one line that says why not. */
import { ref } from 'vue'
import { type Administrator, ApiError, api, me } from './api.ts'

export function entering() {
  const failure = ref('')
  const isBusy = ref(false)

  /** Whether the server let us in. */
  async function enter(path: '/session' | '/setup', body: Readonly<Record<string, string>>): Promise<boolean> {
    isBusy.value = true
    failure.value = ''
    try {
      me.value = await api<Administrator>('POST', path, body)
      return true
    } catch (error) {
      failure.value = error instanceof ApiError ? `${error.message} ${error.hint}` : String(error)
      return false
    } finally {
      isBusy.value = false
    }
  }
  return { failure, isBusy, enter }
}
