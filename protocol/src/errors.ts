/**
 * Every failure a client can see: one table for server, SDK, console and documentation.
 *
 * A code is public API: add codes, never rename or reuse one. `errCode` is the number that CloudBase programs match on
 * (developers.weixin.qq.com/minigame/dev/wxcloud/reference/errcode.en.md, read 2026-11).
 */

type ErrorFact = {
  /** HTTP status of the answer. */
  readonly status: number
  /** CloudBase's number for the same failure. */
  readonly errCode: number
  /** What to do next, in English. */
  readonly hint: string
  /** What to do next, in Chinese. */
  readonly hintZh: string
}

// biome-ignore format: a table keeps its columns
export const ERRORS = {
  // the request itself
  invalid_request:        { status: 400, errCode: -501007, hint: 'Compare the request with docs/api.md; `details` names the field.', hintZh: '请对照 docs/api.zh-CN.md 检查请求;`details` 指出了有问题的字段。' },
  invalid_json:           { status: 400, errCode: -501007, hint: 'Send a body that is valid UTF-8 JSON, with content-type application/json.', hintZh: '请求体须是合法的 UTF-8 JSON,并带 content-type: application/json。' },
  unsupported_media_type: { status: 415, errCode: -501007, hint: 'Send application/json; uploads are multipart/form-data.', hintZh: '请发送 application/json;上传文件用 multipart/form-data。' },
  body_too_large:         { status: 413, errCode: -602001, hint: 'Send less at once, upload a file instead, or raise BODY_LIMIT_BYTES.', hintZh: '请减少单次发送的数据、改用文件上传,或调大 BODY_LIMIT_BYTES。' },
  route_not_found:        { status: 404, errCode: -501009, hint: 'Check the path against /openapi.json.', hintZh: '请对照 /openapi.json 检查路径。' },
  method_not_allowed:     { status: 405, errCode: -501007, hint: 'Use the method that /openapi.json lists for this path.', hintZh: '请使用 /openapi.json 中该路径列出的方法。' },
  rate_limited:           { status: 429, errCode: -501004, hint: 'Wait `details.retryAfterSeconds`, or raise the limit in the configuration.', hintZh: '请等待 `details.retryAfterSeconds` 秒,或在配置中调大限额。' },
  overloaded:             { status: 503, errCode: -501004, hint: 'The server is shedding load; retry after the Retry-After header says.', hintZh: '服务器正在主动限流;请按 Retry-After 头的时间重试。' },
  deadline_exceeded:      { status: 504, errCode: -501002, hint: 'Ask for less, add an index (see `sampan status`), or raise REQUEST_DEADLINE_MS.', hintZh: '请缩小查询范围、添加索引(见 `sampan status`),或调大 REQUEST_DEADLINE_MS。' },
  shutting_down:          { status: 503, errCode: -501001, hint: 'The server restarts; retry after the Retry-After header says.', hintZh: '服务器正在重启;请按 Retry-After 头的时间重试。' },
  internal:               { status: 500, errCode: -501001, hint: 'Search the server log for this requestId.', hintZh: '请用这个 requestId 在服务器日志中查找原因。' },

  // who is calling
  unauthenticated:        { status: 401, errCode: -401001, hint: 'Log in first: POST /v1/login with a code from wx.login().', hintZh: '请先登录:用 wx.login() 的 code 调用 POST /v1/login。' },
  session_invalid:        { status: 401, errCode: -401001, hint: 'The token is unknown or was revoked. Log in again; the SDK does this by itself.', hintZh: '令牌无效或已被吊销,请重新登录;SDK 会自动处理。' },
  session_expired:        { status: 401, errCode: -401001, hint: 'Log in again; the SDK does this by itself.', hintZh: '登录已过期,请重新登录;SDK 会自动处理。' },
  login_code_used:        { status: 401, errCode: -401001, hint: 'A login code works once. Call wx.login() again and send the new code.', hintZh: '登录 code 只能使用一次,请重新调用 wx.login() 并发送新的 code。' },
  login_code_invalid:     { status: 401, errCode: -401001, hint: 'The code is expired (5 minutes) or belongs to another AppID. Call wx.login() again.', hintZh: 'code 已过期(5 分钟)或属于其他 AppID,请重新调用 wx.login()。' },
  user_blocked:           { status: 403, errCode: -401001, hint: 'WeChat classifies this user as high-risk; nothing to retry.', hintZh: '微信判定该用户为高风险用户,无需重试。' },
  signature_invalid:      { status: 401, errCode: -401001, hint: 'Check secretId, secretKey and the clock; create a key with `sampan key create`.', hintZh: '请检查 secretId、secretKey 和系统时钟;可用 `sampan key create` 新建密钥。' },
  forbidden:              { status: 403, errCode: -401001, hint: 'This identity may not do this.', hintZh: '当前身份无权执行此操作。' },

  // documents
  permission_denied:      { status: 403, errCode: -502003, hint: 'The collection\'s rule refuses this. See its permission in sampan.config.ts, or call from a function.', hintZh: '集合的权限规则拒绝了该请求。请检查 sampan.config.ts 中的权限,或改在云函数中调用。' },
  collection_not_found:   { status: 404, errCode: -502005, hint: 'Create the collection: db.createCollection() in a function, the console, or sampan.config.ts.', hintZh: '请先创建集合:在云函数里调用 db.createCollection()、在控制台创建,或写入 sampan.config.ts。' },
  collection_exists:      { status: 409, errCode: -501001, hint: 'The collection is there already; nothing to do.', hintZh: '集合已存在,无需再创建。' },
  document_not_found:     { status: 404, errCode: -1,      hint: 'Check the _id, and that this user may read the record.', hintZh: '请检查 _id,以及该用户是否有权读取这条记录。' },
  document_exists:        { status: 409, errCode: -502001, hint: 'Another record has this _id or unique value; choose another or update that one.', hintZh: '已有记录使用了该 _id 或唯一值;请更换,或改为更新那条记录。' },
  invalid_query:          { status: 400, errCode: -502001, hint: 'Compare the query with docs/database.md; `details` names the operator or field.', hintZh: '请对照 docs/database.zh-CN.md 检查查询;`details` 指出了操作符或字段。' },
  invalid_update:         { status: 400, errCode: -502001, hint: 'Compare the update with docs/database.md; `details` names the operator or field.', hintZh: '请对照 docs/database.zh-CN.md 检查更新;`details` 指出了操作符或字段。' },
  invalid_document:       { status: 400, errCode: -502001, hint: 'The record cannot be stored as it is; `details` names the field and the reason.', hintZh: '该记录无法原样存储;`details` 指出了字段和原因。' },
  transaction_conflict:   { status: 409, errCode: -502001, hint: 'Another request changed the same record. Run the transaction again; runTransaction does so.', hintZh: '另一个请求修改了同一条记录。请重新执行事务;runTransaction 会自动重试。' },
  transaction_not_found:  { status: 404, errCode: -502001, hint: 'The transaction ended or expired. Start a new one.', hintZh: '事务已结束或已过期,请重新开始。' },
  query_too_expensive:    { status: 503, errCode: -501002, hint: 'The query reads too much. Add the index that `details.index` names, or narrow the query.', hintZh: '查询扫描的数据太多。请添加 `details.index` 指出的索引,或缩小查询范围。' },
  database_unavailable:   { status: 503, errCode: -501001, hint: 'The database does not answer; the server keeps trying. Check it with `sampan doctor`.', hintZh: '数据库没有响应,服务器会持续重试。请用 `sampan doctor` 检查。' },
  storage_full:           { status: 507, errCode: -501001, hint: 'The disk is full. Free space or grow the disk; reads keep working.', hintZh: '磁盘已满。请清理空间或扩容;读取仍可正常进行。' },

  // idempotency
  idempotency_mismatch:   { status: 422, errCode: -501007, hint: 'This Idempotency-Key was used with other parameters. Use a fresh key for a different request.', hintZh: '该 Idempotency-Key 已用于不同的参数。不同的请求请使用新的 key。' },

  // files
  file_not_found:         { status: 404, errCode: -503003, hint: 'Check the file id; the file may have been deleted.', hintZh: '请检查文件 ID;文件可能已被删除。' },
  file_too_large:         { status: 413, errCode: -403001, hint: 'Send a smaller file or raise UPLOAD_LIMIT_BYTES.', hintZh: '请上传更小的文件,或调大 UPLOAD_LIMIT_BYTES。' },
  file_type_refused:      { status: 415, errCode: -503002, hint: 'This kind of file is not accepted; see UPLOAD_TYPES.', hintZh: '不接受此类型的文件;见 UPLOAD_TYPES 设置。' },
  file_forbidden:         { status: 403, errCode: -503002, hint: 'Only the person who uploaded the file may do this.', hintZh: '只有上传者本人可以执行此操作。' },
  file_exists:            { status: 409, errCode: -503001, hint: 'Choose another path, or allow the copy to overwrite.', hintZh: '请换一个路径,或允许覆盖。' },
  file_link_expired:      { status: 403, errCode: -503002, hint: 'Ask for a fresh link with getTempFileURL.', hintZh: '请用 getTempFileURL 获取新的链接。' },

  // functions
  function_not_found:     { status: 404, errCode: -501000, hint: 'Check the name and that cloudfunctions/<name>/index.js exists.', hintZh: '请检查函数名,以及 cloudfunctions/<函数名>/index.js 是否存在。' },
  function_failed:        { status: 500, errCode: -504002, hint: 'The function threw. `details.stack` or the function log of this requestId says where.', hintZh: '函数抛出了异常。`details.stack` 或该 requestId 的函数日志会指出位置。' },
  function_timed_out:     { status: 504, errCode: -504003, hint: 'Make the function faster or raise its `timeout` in config.json.', hintZh: '请优化函数,或在 config.json 中调大 `timeout`。' },
  function_out_of_memory: { status: 500, errCode: -504003, hint: 'Use less memory or raise the function\'s `memorySize` in config.json.', hintZh: '请减少内存占用,或在 config.json 中调大 `memorySize`。' },
  function_exited:        { status: 500, errCode: -504002, hint: 'The function ended its process. Do not call process.exit(); the function log shows the last lines.', hintZh: '函数结束了自己的进程。请勿调用 process.exit();函数日志中有最后的输出。' },
  function_result_too_large: { status: 500, errCode: -604001, hint: 'Return less than FUNCTION_RESULT_LIMIT_BYTES, or upload a file and return its id.', hintZh: '请返回小于 FUNCTION_RESULT_LIMIT_BYTES 的结果,或上传文件并返回其 ID。' },
  function_not_installed: { status: 503, errCode: -501001, hint: 'The function\'s dependencies are missing or being installed. See the log, or run npm install in its folder.', hintZh: '函数的依赖缺失或正在安装。请查看日志,或在函数目录执行 npm install。' },
  function_recursion:     { status: 508, errCode: -504002, hint: 'Functions called each other too deeply; break the cycle.', hintZh: '函数互相调用层数过深,请消除循环调用。' },

  // WeChat
  wechat_unavailable:     { status: 502, errCode: -501001, hint: 'Check that this server can reach api.weixin.qq.com on port 443.', hintZh: '请检查服务器能否访问 api.weixin.qq.com 的 443 端口。' },
  wechat_refused:         { status: 502, errCode: -601001, hint: '`details.errcode` is WeChat\'s own code; `sampan doctor` explains the common ones.', hintZh: '`details.errcode` 是微信返回的错误码;`sampan doctor` 会解释常见的错误码。' },
  wechat_not_configured:  { status: 503, errCode: -501001, hint: 'Set WECHAT_APP_ID and WECHAT_SECRET, or use the simulator (WECHAT_MODE=simulator).', hintZh: '请设置 WECHAT_APP_ID 和 WECHAT_SECRET,或使用模拟器(WECHAT_MODE=simulator)。' },

  // payments
  order_not_found:        { status: 404, errCode: -601001, hint: 'Check outTradeNo; only orders that were placed through this server are known here.', hintZh: '请检查 outTradeNo;这里只有通过本服务器下的订单。' },
  order_paid:             { status: 409, errCode: -601001, hint: 'The order is paid; deliver it instead of asking for money again.', hintZh: '订单已支付,请直接发货,不要再次收款。' },
  order_closed:           { status: 409, errCode: -601001, hint: 'The order expired or was closed. Place a new one under a new outTradeNo.', hintZh: '订单已过期或已关闭,请用新的 outTradeNo 重新下单。' },
  order_differs:          { status: 422, errCode: -601001, hint: 'This number belongs to an order or refund with other parameters. Use a new number.', hintZh: '该单号已用于参数不同的订单或退款,请使用新的单号。' },
  refund_not_possible:    { status: 409, errCode: -601001, hint: 'Refunds may not exceed what was paid; `details` says what is left.', hintZh: '退款总额不能超过实付金额;`details` 给出了剩余可退金额。' },
  refund_not_found:       { status: 404, errCode: -601001, hint: 'Check outRefundNo; only refunds asked for through this server are known here.', hintZh: '请检查 outRefundNo;这里只有通过本服务器申请的退款。' },
  payment_mismatch:       { status: 409, errCode: -601001, hint: 'WeChat Pay reports a payment that is not what was ordered. A person must look: GET /v1/payments/report.', hintZh: '微信支付通知的款项与订单不符,需要人工核对:GET /v1/payments/report。' },

  // stock
  sale_not_found:         { status: 404, errCode: -501007, hint: 'Check the sale\'s name; sales are declared in sampan.config.ts or with PUT /v1/stock/<sale>.', hintZh: '请检查活动名;活动在 sampan.config.ts 中声明,或用 PUT /v1/stock/<活动> 创建。' },
  item_not_found:         { status: 404, errCode: -501007, hint: 'Check the item\'s id against GET /v1/stock/<sale>.', hintZh: '请对照 GET /v1/stock/<活动> 检查商品 id。' },
  not_started:            { status: 409, errCode: -501007, hint: 'Count down to `details.startsAtMs` by the server\'s clock (`details.serverTimeMs`), then try again.', hintZh: '活动尚未开始。请按服务器时间(`details.serverTimeMs`)倒计时到 `details.startsAtMs` 再试。' },
  sale_ended:             { status: 409, errCode: -501007, hint: 'The sale is over; nothing to retry.', hintZh: '活动已结束,无需重试。' },
  sold_out:               { status: 409, errCode: -501007, hint: 'Nothing is left now. Units that are not paid in time come back: look at GET /v1/stock/<sale> again later.', hintZh: '已售罄。超时未支付的名额会释放,可稍后再查看 GET /v1/stock/<活动>。' },
  limit_reached:          { status: 409, errCode: -501007, hint: 'This user has as much as one may; `details.reservations` lists it.', hintZh: '已达到每人限购数量;`details.reservations` 列出了已有的预留。' },
  reservation_not_found:  { status: 404, errCode: -501007, hint: 'Check the reservation\'s id, and that this user made it.', hintZh: '请检查预留 id,以及是否由该用户创建。' },
  reservation_ended:      { status: 409, errCode: -501007, hint: 'It was paid, released or expired before this. Reserve again if there is something left.', hintZh: '该预留已支付、已释放或已过期。如仍有库存,请重新预留。' },

  // jobs
  job_not_found:          { status: 404, errCode: -501007, hint: 'Check the id; ended jobs are forgotten after JOB_KEPT_DAYS.', hintZh: '请检查任务 id;已结束的任务在 JOB_KEPT_DAYS 天后清除。' },
  job_kind_unknown:       { status: 400, errCode: -501007, hint: 'Declare the kind under `jobs` in sampan.config.ts, or name a cloud function.', hintZh: '请在 sampan.config.ts 的 `jobs` 中声明该类任务,或使用云函数名。' },
  job_ended:              { status: 409, errCode: -501007, hint: 'The job has ended already; `details.state` says how.', hintZh: '任务已经结束;`details.state` 说明了结果。' },
  job_lease_lost:         { status: 409, errCode: -501007, hint: 'Another worker has this job now, or it was cancelled: stop working on it.', hintZh: '该任务已由其他进程接手或已被取消,请停止处理。' },

  // the console
  sign_in_required:       { status: 401, errCode: -401001, hint: 'Sign in at /console/.', hintZh: '请在 /console/ 登录。' },
  sign_in_failed:         { status: 401, errCode: -401001, hint: 'Check both; an owner on the box can make a new link with `sampan console link`.', hintZh: '请检查用户名和密码;所有者可在服务器上用 `sampan console link` 生成新链接。' },
  setup_link_invalid:     { status: 403, errCode: -401001, hint: 'Ask an owner for a new link, or run `sampan console link` on the box.', hintZh: '请向所有者索取新链接,或在服务器上运行 `sampan console link`。' },
  administrator_exists:   { status: 409, errCode: -501007, hint: 'Choose another name.', hintZh: '请换一个用户名。' },
  last_owner:             { status: 409, errCode: -501007, hint: 'Make somebody else an owner first.', hintZh: '请先将另一位管理员设为所有者。' },
  cross_site_refused:     { status: 403, errCode: -401001, hint: 'Reload the console and try again; another page may have sent this.', hintZh: '请刷新控制台后重试;该请求可能来自其他网页。' },
  confirmation_missing:   { status: 400, errCode: -501007, hint: 'Send the name in `confirm`, exactly as it is.', hintZh: '请在 `confirm` 中原样填写名称。' },

  // what this version cannot do
  not_supported:          { status: 501, errCode: -501021, hint: 'docs/compatibility.md lists what is supported.', hintZh: 'docs/compatibility.zh-CN.md 列出了支持的功能。' },
} as const satisfies Record<string, ErrorFact>

export type ErrorCode = keyof typeof ERRORS

/** The body of every failed answer. */
export type ErrorBody = {
  error: {
    code: ErrorCode
    /** What happened this time. */
    message: string
    /** What to do next, in the language of the request's Accept-Language (English unless it prefers Chinese). */
    hint: string
    /** Public facts, such as the name of the bad field. */
    details?: Record<string, unknown>
    /** Find this request in the server's log with it. */
    requestId: string
    /** CloudBase's number. */
    errCode: number
  }
}
