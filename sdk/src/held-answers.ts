/** Answers that this phone holds, by what was asked: the server sends one again only if it changed. */
export type HeldAnswer = { readonly tag: string; readonly answerBody?: unknown }

/** The server tags answers of at most 64 KB, so this is at most 2 MB; usually it is far less. */
const HELD_MAX = 30

export function holdAnswers() {
  const answers = new Map<string, HeldAnswer>()
  return {
    /** One without a body, if there is none: asking with it makes the server tell the tag. */
    held: (question: string): HeldAnswer => answers.get(question) || { tag: '-' },
    hold(question: string, answer: HeldAnswer) {
      // A Map keeps its order: what was not asked again for longest goes first.
      answers.delete(question)
      answers.set(question, answer)
      if (answers.size > HELD_MAX) answers.delete(answers.keys().next().value as string) // more than one
    },
  }
}
