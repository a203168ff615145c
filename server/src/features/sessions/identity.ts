/** Who is calling. Every request carries exactly one; rules and limits read it. */
export type Identity =
  | { readonly kind: 'anonymous' }
  | UserIdentity
  /** A cloud function's worker: server-side rights. `user` is the person on whose behalf it runs, if any. */
  | { readonly kind: 'function'; readonly name: string; readonly user?: UserIdentity }
  /** Another program with a key of `sampan key create`: server-side rights. */
  | { readonly kind: 'key'; readonly keyId: string }
  /** A person at the console, or the command line on the box itself. */
  | { readonly kind: 'administrator'; readonly id: string; readonly role: 'owner' | 'developer' | 'viewer' }

export type UserIdentity = {
  readonly kind: 'user'
  readonly openId: string
  readonly appId: string
  readonly unionId?: string
  readonly sessionId: string
}

export const ANONYMOUS: Identity = { kind: 'anonymous' }

/** Whether collection rules apply to this caller: they do for people in the mini program, not for the owner's code. */
export const isUnderRules = (identity: Identity): identity is UserIdentity | { kind: 'anonymous' } =>
  identity.kind === 'user' || identity.kind === 'anonymous'
