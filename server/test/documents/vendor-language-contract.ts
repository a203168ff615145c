/**
 * The whole language through CloudBase's own client (@cloudbase/database, which is what wx-server-sdk and
 * @cloudbase/node-sdk wrap): its requests go through the /admin door's actions into the engine.
 */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { after, before, describe, it } from 'node:test'
import type { AdminRequest, AdminServices } from '../../src/cloudbase/admin-request.ts'
import { failedAnswer } from '../../src/cloudbase/cloudbase-errors.ts'
import { DOCUMENT_ACTIONS } from '../../src/cloudbase/document-actions.ts'
import { AppError } from '../../src/errors.ts'
import type { Documents } from '../../src/features/documents/document-request.ts'
import { openDocuments } from '../../src/features/documents/documents.ts'
import { asFunction, type OpenedDatabase, quietLog } from './document-fixtures.ts'
import { Refusal, type VendorCase } from './vendor-case.ts'

const require = createRequire(import.meta.url)

export function testVendorLanguage(
  name: string,
  open: () => Promise<OpenedDatabase>,
  skip: string | false,
  cases: readonly VendorCase[],
) {
  describe(`the vendor's client: ${name}`, { skip }, () => {
    let opened: OpenedDatabase
    let documents: Documents
    // biome-ignore lint/suspicious/noExplicitAny: the vendor's client has no types
    let db: any
    before(async () => {
      opened = await open()
      documents = await openDocuments({ database: opened.database, log: quietLog })
      const { Db } = require('@cloudbase/database')
      Db.reqClass = requestsTo(documents)
      db = new Db({ env: 'test', throwOnCode: true })
    })
    after(async () => {
      await documents.close()
      await opened.close()
    })

    for (const [place, { title, records, ask, wanted }] of cases.entries()) {
      it(title, async () => {
        const coll = `vendor${place}`
        await db.createCollection(coll)
        const c = db.collection(coll)
        if (records.length) await c.add(structuredClone(records))
        const answer = Promise.resolve(ask({ db, _: db.command, $: db.command.aggregate, c, coll }))
        if (wanted instanceof Refusal) {
          await assert.rejects(answer, { code: wanted.code, message: wanted.text })
        } else if (typeof wanted === 'function') assert.ok(wanted(await answer), JSON.stringify(await answer))
        else assert.deepEqual(asJson(await answer), asJson(wanted))
      })
    }
  })
}

const asJson = (value: unknown) => JSON.parse(JSON.stringify(value ?? null))

/** What the client sends over HTTP, handed to the door's actions. */
function requestsTo(documents: Documents) {
  return class {
    async send(action: string, parameters: object = {}) {
      const fields = JSON.parse(JSON.stringify({ ...parameters, action }))
      try {
        const request = { fields, identity: asFunction.identity, timeLeftMs: 15_000 } as AdminRequest // safe: what document actions read
        return { ...(await DOCUMENT_ACTIONS[action]?.(request, { documents } as AdminServices)), requestId: 'test' } // safe: as above
      } catch (error) {
        assert.ok(error instanceof AppError, String(error))
        const { code, message } = failedAnswer(error, 'test')
        throw Object.assign(new Error(message), { code })
      }
    }
  }
}
