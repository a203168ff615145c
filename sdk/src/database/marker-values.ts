/** Values that only the server can fill in or that JSON cannot carry: `db.serverDate()` and `db.RegExp()`. */

export class ServerDate {
  /** `offset`: milliseconds after the server's clock. */
  readonly options: { readonly offset: number }

  constructor(offset = 0) {
    this.options = { offset }
  }
}

export type RegExpOptions = { regexp: string; options?: string }

export class DatabaseRegExp {
  readonly regexp: string
  readonly options: string

  constructor({ regexp, options = '' }: RegExpOptions) {
    if (!regexp) throw new Error('regexp must be a string')
    this.regexp = regexp
    this.options = options
  }
}
