/** File ids inside documents: rewritten when data moves between CloudBase and a server of one's own. */

const CLOUD = /^cloud:\/\/[^/]+\/(.+)$/
const HTTPS = /^https?:\/\/[^/]+\/cloud\/[^/]+\/([^?#]+)/

/** Every `cloud://` id as the address under `publicUrl`. */
export const toHttpsIds = (document: unknown, publicUrl: string, env: string): unknown =>
  mapTexts(document, (text) => {
    const path = CLOUD.exec(text)?.[1]
    return path
      ? `${publicUrl.replace(/\/$/, '')}/cloud/${encodeURIComponent(env)}/${path.split('/').map(encodeURIComponent).join('/')}`
      : text
  })

/** Every address of ours as `cloud://<bucket>/…`, such as `cloud://prod-1a2b.7072-prod-1a2b/…`. */
export const toCloudIds = (document: unknown, bucket: string): unknown =>
  mapTexts(document, (text) => {
    const path = HTTPS.exec(text)?.[1]
    return path ? `cloud://${bucket}/${decodeURIComponent(path)}` : text
  })

function mapTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value)
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, change))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapTexts(item, change)]))
}
