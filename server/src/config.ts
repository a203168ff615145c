/** Each setting is declared once: its type, its default, `.env.example` and docs/config.md come from this table. */

type Setting<T> = {
  readonly parse: (text: string) => T
  /** `undefined`: the setting is required. */
  readonly fallback: T | undefined
  readonly about: string
  readonly aboutZh: string
  readonly isSecret?: boolean
}

const text = (fallback: string | undefined, about: string, aboutZh: string): Setting<string> => ({
  parse: String,
  fallback,
  about,
  aboutZh,
})

const secret = (fallback: string | undefined, about: string, aboutZh: string): Setting<string> => ({
  ...text(fallback, about, aboutZh),
  isSecret: true,
})

const integer = (fallback: number, about: string, aboutZh: string, min = 0): Setting<number> => ({
  fallback,
  about,
  aboutZh,
  parse(value) {
    if (!/^\d+$/.test(value)) throw new Error(`expected a whole number, got "${value}"`)
    const number = Number(value)
    if (number < min) throw new Error(`must be at least ${min}, got ${value}`)
    return number
  },
})

const choice = <const T extends string>(
  options: readonly T[],
  fallback: NoInfer<T>,
  about: string,
  aboutZh: string,
): Setting<T> => ({
  fallback,
  about,
  aboutZh,
  parse(value) {
    const found = options.find((option) => option === value)
    if (!found) throw new Error(`expected one of ${options.join(', ')}, got "${value}"`)
    return found
  },
})

// biome-ignore format: a table keeps its columns
export const SETTINGS = {
  PORT:                   integer(8080, 'TCP port; Nginx forwards to it. 0 picks a free one.', 'TCP 端口,由 Nginx 转发;0 表示任选空闲端口。'),
  HOST:                   text('127.0.0.1', 'Address to listen on. Keep loopback behind Nginx.', '监听地址。使用 Nginx 时保持本机回环地址。'),
  PUBLIC_URL:             text('', 'Address that phones use, such as https://api.example.com; empty: the address it listens on.', '手机访问的地址,如 https://api.example.com;留空则为监听地址。'),
  DATA_DIR:               text('./data', 'Folder of the database, files, keys and history.', '存放数据库、文件、密钥和历史数据的目录。'),
  DATABASE_URL:           text('', 'mysql://… or postgres://…; empty: SQLite in DATA_DIR/app.db.', 'mysql://… 或 postgres://…;留空则使用 DATA_DIR/app.db(SQLite)。'),
  REDIS_URL:              text('', 'redis://…; empty: cache in memory, one process only.', 'redis://…;留空则使用进程内缓存(仅限单进程)。'),
  SECRET_KEY:             secret('', 'At least 32 characters; encrypts session_key and access keys at rest. Empty: kept in DATA_DIR/secret.key.', '至少 32 个字符,用于加密存储 session_key 与访问密钥;留空则保存在 DATA_DIR/secret.key。'),
  ENV_ID:                 text('prod', 'Name of the environment, as in wx.cloud.init({ env }).', '环境名,对应 wx.cloud.init({ env })。'),
  LOG_LEVEL:              choice(['debug', 'info', 'warn', 'error'], 'info', 'Least severe log lines that are written.', '日志级别。'),

  WECHAT_APP_ID:          text('', 'AppID of the mini program.', '小程序的 AppID。'),
  WECHAT_SECRET:          secret('', 'AppSecret. Never logged.', '小程序的 AppSecret,不会写入日志。'),
  WECHAT_BASE_URL:        text('https://api.weixin.qq.com', 'Address of WeChat\'s servers; the simulator puts its own here.', '微信服务器地址;使用模拟器时为模拟器的地址。'),
  WECHAT_TIMEOUT_MS:      integer(3_000, 'Longest wait for one answer of WeChat.', '等待微信单次响应的最长时间。', 100),

  WECHAT_PAY_MCH_ID:      text('', 'Number of the WeChat Pay merchant; empty: no payments.', '微信支付商户号;留空则不启用支付。'),
  WECHAT_PAY_PRIVATE_KEY: secret('', 'The merchant\'s private key: the path of apiclient_key.pem, or its text.', '商户私钥:apiclient_key.pem 的路径或其内容。'),
  WECHAT_PAY_SERIAL:      text('', 'Serial number of the merchant\'s certificate.', '商户 API 证书的序列号。'),
  WECHAT_PAY_API_V3_KEY:  secret('', 'The APIv3 key of 32 characters, as set at pay.weixin.qq.com.', '在微信支付商户平台设置的 32 位 APIv3 密钥。'),
  WECHAT_PAY_PUBLIC_KEY_ID: text('', 'PUB_KEY_ID_… of WeChat Pay\'s public key; empty for merchants that still use certificates.', '微信支付公钥 ID(PUB_KEY_ID_…);仍使用平台证书的商户留空。'),
  WECHAT_PAY_PUBLIC_KEY:  text('', 'WeChat Pay\'s public key: the path of pub_key.pem, or its text.', '微信支付公钥:pub_key.pem 的路径或其内容。'),
  WECHAT_PAY_CERTIFICATES: text('', 'WeChat Pay\'s certificates (path or text), if they should not be fetched first.', '微信支付平台证书(路径或内容);一般留空,自动获取。'),
  WECHAT_PAY_ORDER_TTL_SECONDS: integer(24 * 3600, 'How long an order may be paid unless it says so itself; at most 7 days.', '订单默认的可支付时长(秒),最长 7 天;下单时可另行指定。', 120),
  WECHAT_PAY_BASE_URL:    text('https://api.mch.weixin.qq.com', 'Address of WeChat Pay; the simulator puts its own here.', '微信支付的地址;使用模拟器时为模拟器的地址。'),

  SESSION_TTL_SECONDS:    integer(7 * 24 * 3600, 'Seconds a login lasts.', '登录有效期(秒)。', 60),
  BODY_LIMIT_BYTES:       integer(1024 * 1024, 'Largest JSON body accepted.', 'JSON 请求体的上限。', 1024),
  REQUEST_DEADLINE_MS:    integer(10_000, 'Longest time one request may take.', '单个请求的最长处理时间。', 100),
  SHUTDOWN_TIMEOUT_MS:    integer(20_000, 'Longest time to finish open requests when asked to stop.', '停机时等待未完成请求的最长时间。'),
  MAX_IN_FLIGHT:          integer(1_000, 'Requests worked on at once; beyond it the server answers 503 early, reads first.', '同时处理的请求数;超出后提前返回 503,优先拒绝读请求。', 10),
  USER_REQUESTS_PER_SECOND: integer(50, 'Requests per second of one session, with twice as many in a burst.', '单个会话每秒请求数,突发可达两倍。', 1),
  IP_REQUESTS_PER_SECOND: integer(200, 'Requests per second of one address without a session; phones share addresses.', '未登录时单个 IP 每秒请求数;手机网络会共享 IP。', 1),
  KEY_REQUESTS_PER_SECOND: integer(500, 'Requests per second of one program with an access key, with twice as many in a burst.', '单个持访问密钥的程序每秒请求数,突发可达两倍。', 1),

  UPLOAD_LIMIT_BYTES:     integer(20 * 1024 * 1024, 'Largest uploaded file.', '上传文件的上限。', 1024),
  UPLOAD_TYPES:           text('image/*,video/*,audio/*,application/pdf,application/zip,application/json,application/octet-stream,text/plain,text/csv,application/msword,application/vnd.*', 'Content types accepted for upload, comma-separated, * at the end of one.', '允许上传的文件类型,逗号分隔,末尾可用 *。'),
  FILE_ACCESS:            choice(['public', 'private'], 'public', 'public: anyone with the address may read a file, as in CloudBase by default; private: signed links only.', 'public:知道地址即可读取,与云开发默认一致;private:仅限签名链接。'),
  FILE_ID_STYLE:          choice(['https', 'cloud'], 'https', 'https: file ids are addresses that <image> shows; cloud: cloud:// ids as in CloudBase. Both are accepted everywhere.', 'https:文件 ID 即可在 <image> 中显示的地址;cloud:与云开发相同的 cloud:// 形式。两种形式处处可用。'),
  FILE_LINK_TTL_SECONDS:  integer(2 * 3600, 'How long a temporary link works unless the program asks otherwise.', '临时链接的默认有效期(秒)。', 1),

  FUNCTION_WORKERS:       integer(0, 'Warm worker processes for cloud functions; 0: from the cores and memory of the box.', '云函数常驻进程数;0 表示按机器核数与内存自动决定。'),
  FUNCTION_TIMEOUT_MS:    integer(20_000, 'Default and longest time of one function call unless its config.json says otherwise.', '云函数单次调用的默认超时(config.json 可另行指定)。', 100),
  FUNCTION_MEMORY_MB:     integer(256, 'Default memory of one function worker.', '单个云函数进程的默认内存。', 64),
  FUNCTION_RESULT_LIMIT_BYTES: integer(1024 * 1024, 'Largest result of a function.', '云函数返回结果的上限。', 1024),
  FUNCTION_LOG_DAYS:      integer(7, 'Days that function logs are kept.', '云函数日志保留天数。', 1),

  JOB_WORKERS:            integer(0, 'Jobs that run at once in one process, at low priority; 0: one less than the cores, at least one.', '单个进程同时运行的后台任务数(低优先级);0 表示核数减一,至少为一。'),
  JOB_KEPT_DAYS:          integer(7, 'Days that done and cancelled jobs are remembered; dead ones stay until somebody retries or discards them.', '已完成和已取消的任务保留天数;失败任务会一直保留到被重试或丢弃。', 1),

  SLOW_QUERY_MS:          integer(200, 'Statements slower than this are logged with their plan and the index that would help.', '慢查询阈值:超过的语句会连同执行计划和建议索引一起记录。', 1),
  STATEMENT_TIMEOUT_MS:   integer(5_000, 'Longest time one SQL statement may take.', '单条 SQL 语句的最长执行时间。', 100),
  AUTO_CREATE_COLLECTIONS: choice(['yes', 'no'], 'no', 'yes: a function\'s first write creates a missing collection; CloudBase answers -502005 instead.', 'yes:云函数首次写入时自动创建集合;云开发会返回 -502005。'),
} as const satisfies Record<string, Setting<string> | Setting<number>>

export type Config = { readonly [K in keyof typeof SETTINGS]: ReturnType<(typeof SETTINGS)[K]['parse']> }
export type SettingName = keyof typeof SETTINGS

/** Reads every setting, or throws one error that lists everything wrong at once. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = []
  const config: Record<string, unknown> = {}

  for (const [name, { parse, fallback, about }] of Object.entries<Setting<unknown>>(SETTINGS)) {
    const value = env[name]
    try {
      if (value) config[name] = parse(value)
      else if (fallback !== undefined) config[name] = fallback
      else problems.push(`${name} is missing. ${about}`)
    } catch (error) {
      problems.push(`${name}: ${(error as Error).message}`) // safe: parse throws only Error
    }
  }
  if (env['SECRET_KEY'] && env['SECRET_KEY'].length < 32) problems.push('SECRET_KEY: must have at least 32 characters')

  if (problems.length) throw new ConfigError(problems)
  return Object.freeze(config) as Config // safe: every key of SETTINGS was set above
}

/** Everything that is wrong with the configuration, in one message. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`Configuration is incomplete:\n  ${problems.join('\n  ')}`)
    this.problems = problems
  }
}
