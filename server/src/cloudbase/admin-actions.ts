/** Every action that the /admin door knows, by CloudBase's name. */
import type { AdminAction } from './admin-request.ts'
import { DOCUMENT_ACTIONS } from './document-actions.ts'
import { FUNCTION_ACTIONS } from './function-actions.ts'
import { SQL_ACTIONS } from './sql-actions.ts'
import { STORAGE_ACTIONS } from './storage-actions.ts'
import { WECHAT_ACTIONS } from './wechat-actions.ts'

export const ADMIN_ACTIONS: ReadonlyMap<string, AdminAction> = new Map(
  [DOCUMENT_ACTIONS, STORAGE_ACTIONS, FUNCTION_ACTIONS, WECHAT_ACTIONS, SQL_ACTIONS].flatMap((actions) =>
    Object.entries(actions),
  ),
)
