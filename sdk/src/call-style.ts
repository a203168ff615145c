import { CloudError, type CloudErrorFacts, factsOf } from './cloud-error.ts'

/** Every call takes these; with any of them it reports through them and returns nothing, as `wx.cloud` does. */
export type Callbacks<Result> = {
  success?: ((result: Result) => void) | undefined
  fail?: ((error: CloudError) => void) | undefined
  complete?: ((outcome: Result | CloudError) => void) | undefined
  /** CloudBase's choice of environment; here there is one. */
  config?: unknown
}

/** At least one callback: the call returns nothing. */
export type ByCallback<Result> = Callbacks<Result> &
  (
    | { success: (result: Result) => void }
    | { fail: (error: CloudError) => void }
    | { complete: (outcome: Result | CloudError) => void }
  )
/** No callback: the call returns a promise. */
export type ByPromise = { config?: unknown; success?: undefined; fail?: undefined; complete?: undefined }

/** The two ways to make one call of `cloud.*`. */
export interface Callable<Options, Result, Task = void> {
  (options: Options & ByCallback<Result>): Task
  (options: Options & ByPromise): Promise<Result>
}

/** The same for calls whose options WeChat's typings let be left out. */
export interface CallableBare<Result, Options = object> {
  (options: Options & ByCallback<Result>): void
  (options?: Options & ByPromise): Promise<Result>
}

export type Answered<Result> = Result & { errMsg: string }

type Call<Result> = {
  /** Such as `collection.get`: begins every `errMsg`. */
  readonly api: string
  readonly work: () => Promise<Result>
  readonly describe: (api: string, facts: CloudErrorFacts) => string
}

export const hasCallbacks = (options: Callbacks<never> | undefined): boolean =>
  Boolean(options && (options.success || options.fail || options.complete))

/** Runs one call and reports it in the style in which it was asked: by promise or by callbacks. */
export function report<Result extends object>(
  options: Callbacks<Answered<Result>> | undefined,
  call: Call<Result>,
): Promise<Answered<Result>> | undefined {
  const outcome = settle(call)
  if (!options || !hasCallbacks(options)) return outcome
  // The callbacks run outside the promise chain: an exception in them is the program's own, as with wx.cloud.
  outcome.then(
    (result) => setTimeout(tell, 0, options.success, options.complete, result),
    (error: CloudError) => setTimeout(tell, 0, options.fail, options.complete, error),
  )
  return undefined
}

async function settle<Result extends object>({ api, work, describe }: Call<Result>): Promise<Answered<Result>> {
  try {
    return { ...(await work()), errMsg: `${api}:ok` }
  } catch (thrown) {
    const facts = factsOf(thrown)
    throw new CloudError(facts, describe(api, facts))
  }
}

function tell<T>(first: ((outcome: T) => void) | undefined, last: ((outcome: T) => void) | undefined, outcome: T) {
  try {
    if (first) first(outcome)
  } finally {
    if (last) last(outcome)
  }
}
