import type { Text } from './text.ts'

/** What can be wrong with an input. Codes are stable: forms and scripts branch on them. */
export type PlanInputErrorCode =
  | 'not_an_object'
  | 'missing'
  | 'not_a_number'
  | 'out_of_range'
  | 'unknown_value'
  | 'unknown_field'
  | 'contradiction'

/** The plan cannot be computed from this input; says which field, what is wrong, and what to write instead. */
export class PlanInputError extends Error {
  override readonly name = 'PlanInputError'
  readonly code: PlanInputErrorCode
  readonly field: string
  readonly text: Text
  readonly hint: Text

  constructor(code: PlanInputErrorCode, field: string, text: Text, hint: Text) {
    super(text.en)
    this.code = code
    this.field = field
    this.text = text
    this.hint = hint
  }
}
