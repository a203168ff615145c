/** Work of which one run at a time is enough: whoever asks meanwhile shares it. */
export function singleFlight<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined
  const done = () => {
    running = undefined
  }
  return () => {
    if (!running) {
      running = work()
      running.then(done, done)
    }
    return running
  }
}
