/** The channel did not take the message; `code` is the vendor's own where it gave one. */
export class ChannelError extends Error {
  override readonly name = 'ChannelError'
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
