/** Grants remembered; the oldest are forgotten first. */
const GRANT_LIMIT = 200_000

export type Subscriptions = {
  /** The user tapped "allow" once more. */
  grant(openid: string, templateId: string, times?: number): void
  /** Uses one grant up; false if there is none. */
  use(openid: string, templateId: string): boolean
  left(openid: string, templateId: string): number
}

/** Who may be sent which message how often: one tap is one message, and taps add up. */
export function openSubscriptions(): Subscriptions {
  const grants = new Map<string, number>()

  const put = (key: string, count: number) => {
    grants.delete(key)
    if (count > 0) grants.set(key, count)
    if (grants.size > GRANT_LIMIT) grants.delete(grants.keys().next().value ?? '')
  }

  return {
    grant: (openid, templateId, times = 1) => {
      const key = `${openid}:${templateId}`
      put(key, (grants.get(key) ?? 0) + times)
    },
    use(openid, templateId) {
      const key = `${openid}:${templateId}`
      const count = grants.get(key) ?? 0
      put(key, count - 1)
      return count > 0
    },
    left: (openid, templateId) => grants.get(`${openid}:${templateId}`) ?? 0,
  }
}
