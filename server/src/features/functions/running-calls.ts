/** Which call a worker is running: how the server knows on whose behalf a function asks for something. */
import type { Identity, UserIdentity } from '../sessions/identity.ts'
import type { FunctionWorker } from './function-worker.ts'

export type RunningCall = {
  readonly function: string
  readonly user: UserIdentity | undefined
  readonly requestId: string
  readonly source: string
  readonly depth: number
  readonly clientIp: string | undefined
  /** When the call will be ended. */
  readonly deadlineAtMs: number
}

export type WorkerCaller = {
  readonly identity: Identity
  /** Undefined for what a function still does after it has answered. */
  readonly call: RunningCall | undefined
}

export class RunningCalls {
  readonly #byWorker = new Map<string, { readonly name: string; readonly calls: Map<string, RunningCall> }>()

  /** From now on this worker may ask: also while it loads its function. */
  addWorker({ token, exited }: FunctionWorker, name: string): void {
    this.#byWorker.set(token, { name, calls: new Map() })
    exited.then(() => this.#byWorker.delete(token))
  }

  /** The returned function says that the call ended. */
  begin({ token }: FunctionWorker, callToken: string, call: RunningCall): () => void {
    const calls = this.#byWorker.get(token)?.calls
    calls?.set(callToken, call)
    return () => calls?.delete(callToken)
  }

  /** Who asks with this worker's token; undefined if no worker has it. SDKs below 2.4 send no call token. */
  find(workerToken: string, callToken: string): WorkerCaller | undefined {
    const worker = this.#byWorker.get(workerToken)
    if (!worker) return undefined
    const [only] = worker.calls.size === 1 ? worker.calls.values() : []
    const call = worker.calls.get(callToken) ?? (callToken ? undefined : only)
    return {
      identity: { kind: 'function', name: worker.name, ...(call?.user && { user: call.user }) },
      call,
    }
  }
}
