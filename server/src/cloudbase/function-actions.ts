/** Dialect A's other actions: functions that call functions, and facts about users. */
import { AppError } from '../errors.ts'
import { type AdminAction, optionalText, parseJson, textField } from './admin-request.ts'
import { callBuiltIn, isBuiltIn } from './built-in-functions.ts'

// biome-ignore format: a table keeps its columns
export const FUNCTION_ACTIONS: Readonly<Record<string, AdminAction>> = {
  'functions.invokeFunction': invokeFunction,
  'auth.getUserInfoForAdmin': getUserInfoForAdmin,
}

/** The called function runs for the same user; its SOURCE tells the whole way. */
async function invokeFunction(...[request, services]: Parameters<AdminAction>): ReturnType<AdminAction> {
  const { functions } = services
  const { identity, call, requestId, timeLeftMs } = request
  const text = optionalText(request, 'request_data')
  const name = textField(request, 'function_name')
  const data = text === undefined ? {} : parseJson(text, 'request_data')
  if (isBuiltIn(name)) {
    const result = await callBuiltIn(name, data, { openId: call?.user?.openId, services })
    return { data: { response_data: JSON.stringify(result) } }
  }
  const answer = await functions.call(name, data, {
    identity,
    // One id leads from the phone through all functions to the last statement.
    requestId: call?.requestId ?? requestId,
    source: call ? `${call.source},scf` : 'wx_unknown',
    depth: call ? call.depth + 1 : 0,
    // No longer than the function that waits for it.
    timeoutMs: Math.max(1, Math.min(timeLeftMs, call ? call.deadlineAtMs - Date.now() : timeLeftMs)),
    ...(call?.clientIp && { clientIp: call.clientIp }),
  })
  return { data: { response_data: answer.result ?? 'null' } }
}

async function getUserInfoForAdmin(...[request, services]: Parameters<AdminAction>): ReturnType<AdminAction> {
  const openId = optionalText(request, 'uuid') ?? optionalText(request, 'platformId')
  const user = openId === undefined ? undefined : await services.findUser(openId)
  if (!user) throw new AppError('invalid_request', 'There is no such user.')
  const { unionId } = user
  return {
    data: {
      uid: user.openId,
      openId: user.openId,
      appId: services.appId,
      isAnonymous: false,
      ...(unionId && { unionId }),
    },
  }
}
