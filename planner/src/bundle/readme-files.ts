/** The README of a bundle: what was decided and the steps in their order. */
import { renderReport } from '../report/report.ts'
import { VERDICT_SENTENCES } from '../report/words.ts'
import type { Language } from '../text.ts'
import { type BundleFacts, type BundleFile, file, PATHS } from './bundle-facts.ts'

export const readmeFiles = (facts: BundleFacts): BundleFile[] => [
  file('README.md', readme(facts, 'en')),
  file('README.zh-CN.md', readme(facts, 'zh')),
  file('REPORT.md', `\`\`\`text\n${renderReport(facts.result, 'en').trim()}\n\`\`\``),
  file('REPORT.zh-CN.md', `\`\`\`text\n${renderReport(facts.result, 'zh').trim()}\n\`\`\``),
]

function readme({ result, domain, design, database }: BundleFacts, lang: Language): string {
  const title = result.recommendation.title[lang]
  const steps = (
    {
      light: LIGHT,
      'light-cdn': LIGHT,
      'light-functions': LIGHT,
      standard: BIGGER,
      kubernetes: KUBERNETES,
      functions: FUNCTIONS,
      cloudbase: CLOUDBASE,
      'cloudbase-run': RUN,
    } as const
  )[design][lang]
  const fill = (step: string) =>
    step.replaceAll('{domain}', domain).replaceAll('{env}', PATHS.environment).replaceAll('{node}', PATHS.node)
  const own = database === 'sqlite' ? [] : [DATABASE_STEP[lang]]
  const [intro, first, order, check] = HEADINGS[lang]
  return [
    `# ${title}`,
    `${VERDICT_SENTENCES[result.verdict][lang]} ${intro}`,
    '![](architecture.svg)',
    `## ${first}`,
    ...result.recommendation.steps.map((step) => `- ${step[lang]}`),
    `\n## ${order}`,
    ...[...steps, ...own].map((step, index) => `${index + 1}. ${fill(step)}`),
    `\n## ${check}`,
    '```bash\nsampan plan --check .\n```',
  ]
    .join('\n\n')
    .replaceAll(/\n\n(?=(?:- |\d+\. ))/g, '\n')
    .replaceAll(/(## .+)\n(?=(?:- |\d+\. ))/g, '$1\n\n')
}

const HEADINGS = {
  en: ['The figures are in [REPORT.md](REPORT.md).', 'What matters most', 'In this order', 'Check these files'],
  zh: ['数字见 [REPORT.zh-CN.md](REPORT.zh-CN.md)。', '最要紧的事', '按此顺序', '检查这些文件'],
} as const

type Steps = { readonly en: readonly string[]; readonly zh: readonly string[] }

const DOMAIN: Steps = {
  en: [
    'Register a domain, and begin the ICP filing with the vendor of the server: up to 20 working days. Everything below can be done meanwhile.',
    'Buy the server (Debian 12). In the cloud console open ports 80 and 443, and 22 for your own address only.',
  ],
  zh: [
    '注册域名，并在服务器厂商处开始 ICP 备案：最长约 20 个工作日。以下各步可同时进行。',
    '购买服务器（Debian 12）。在云控制台放行 80 与 443，22 只对自己的地址放行。',
  ],
}

const LIGHT: Steps = {
  en: [
    ...DOMAIN.en,
    'Log in with a key, switch off passwords (`PasswordAuthentication no`), then `scripts/firewall.sh`.',
    'Put Node 24 at `{node}`, Sampan into `/opt/sampan/app` (with `npm ci --omit=dev` run elsewhere), your project into `/opt/sampan/project`.',
    '`sudo scripts/install.sh`, then fill in `{env}` and keep a copy of `SECRET_KEY` off the machine.',
    'Point `{domain}` at the server and issue the certificate by DNS-01, which needs no filing: `sudo scripts/issue-certificate.sh dns_dp`.',
    '`sudo /opt/sampan/scripts/rolling-restart.sh`; `curl http://127.0.0.1:3001/readyz` answers 200.',
    'Set up backups: `age-keygen` on your laptop, the public key and an rclone remote into `{env}`; run `backup.sh` and `restore-drill.sh` once by hand.',
    'In mp.weixin.qq.com add `https://{domain}` as request and upload domain, and `wss://{domain}` as socket domain.',
    'Switch on the vendor’s own alarms for CPU, memory and traffic: a dead machine sends no message.',
    'Measure: `sampan bench`, then `sampan plan --capacity capacity.json`.',
  ],
  zh: [
    ...DOMAIN.zh,
    '用密钥登录，关闭密码登录（`PasswordAuthentication no`），再运行 `scripts/firewall.sh`。',
    '把 Node 24 放到 `{node}`，Sampan 放到 `/opt/sampan/app`（在别处执行 `npm ci --omit=dev`），项目放到 `/opt/sampan/project`。',
    '`sudo scripts/install.sh`，然后填写 `{env}`，并在别处保存一份 `SECRET_KEY`。',
    '把 `{domain}` 解析到服务器，用 DNS-01 签发证书（无需备案）：`sudo scripts/issue-certificate.sh dns_dp`。',
    '`sudo /opt/sampan/scripts/rolling-restart.sh`；`curl http://127.0.0.1:3001/readyz` 应返回 200。',
    '设置备份：在自己电脑上 `age-keygen`，把公钥与 rclone 远端写入 `{env}`；手动各跑一次 `backup.sh` 与 `restore-drill.sh`。',
    '在 mp.weixin.qq.com 把 `https://{domain}` 加为 request 与 uploadFile 合法域名，`wss://{domain}` 加为 socket 合法域名。',
    '打开云厂商自带的 CPU、内存、流量告警：死机的服务器发不出消息。',
    '实测：`sampan bench`，再 `sampan plan --capacity capacity.json`。',
  ],
}

const DATABASE_STEP = {
  en: 'Create the database and its user (`CREATE DATABASE sampan`), and put the password into `DATABASE_URL`.',
  zh: '创建数据库与用户（`CREATE DATABASE sampan`），并把密码写入 `DATABASE_URL`。',
} as const

const BIGGER: Steps = {
  en: [
    'Create a private network with subnets in two zones; the cloud database (HA) and Redis in it.',
    'Move the data while there is still one server: `sampan move`, then files to COS. Only then add the second server.',
    'Build the image from `container/Dockerfile`, or set up each server with `scripts/install.sh`; the environment file names the cloud database and Redis.',
    'Load balancer: HTTPS listener with the certificate, health check `/readyz`, WebSocket on, deregistration delay 30 s.',
    'In nginx replace `X-Forwarded-For $remote_addr` by `set_real_ip_from` with the load balancer’s range.',
    'Run migrations once, from one machine, before the others start.',
  ],
  zh: [
    '创建双可用区的私有网络；云数据库（高可用）与 Redis 放在其中。',
    '趁只有一台服务器时搬数据：`sampan move`，再把文件移到 COS，然后才加第二台。',
    '用 `container/Dockerfile` 构建镜像，或在每台上运行 `scripts/install.sh`；环境文件指向云数据库与 Redis。',
    '负载均衡：HTTPS 监听与证书、健康检查 `/readyz`、开启 WebSocket、下线延迟 30 秒。',
    'nginx 中用 `set_real_ip_from` 加负载均衡网段替换 `X-Forwarded-For $remote_addr`。',
    '先在一台机器上执行一次迁移，再启动其他机器。',
  ],
}

const KUBERNETES: Steps = {
  en: [
    'Create the cloud database, Redis and a bucket in the cluster’s network; move the data there first (`sampan move`).',
    'Create a TKE cluster (L5) with nodes in two zones. Build `container/Dockerfile`, push it to TCR, write the digest into `kubernetes/production/kustomization.yaml`.',
    'Fill in `kubernetes/production/secrets.env`; create the certificate as secret `sampan-tls`.',
    '`kubectl apply -k kubernetes/production`. Without a Gateway class use `kubernetes/optional/tke-ingress.yaml`.',
    'For sales with a fixed hour replace the autoscaler by `kubernetes/optional/event-scaler.yaml` (KEDA): scale out before, not during.',
  ],
  zh: [
    '在集群所在网络创建云数据库、Redis 与存储桶；先把数据搬过去（`sampan move`）。',
    '创建 TKE 集群（L5），节点跨两个可用区。构建 `container/Dockerfile` 推送到 TCR，并把摘要写入 `kubernetes/production/kustomization.yaml`。',
    '填写 `kubernetes/production/secrets.env`；把证书建为 Secret `sampan-tls`。',
    '`kubectl apply -k kubernetes/production`。没有 Gateway class 时用 `kubernetes/optional/tke-ingress.yaml`。',
    '定点活动请用 `kubernetes/optional/event-scaler.yaml`（KEDA）替换自动伸缩：提前扩容，而不是事中。',
  ],
}

const FUNCTIONS: Steps = {
  en: [
    'Follow `functions/README.md`.',
    'Create a serverless cloud database in the same network and put its address into `DATABASE_URL`.',
  ],
  zh: ['按 `functions/README.md` 操作。', '在同一网络创建 Serverless 云数据库，并写入 `DATABASE_URL`。'],
}

const RUN: Steps = {
  en: [
    'Create the service in CloudBase Run and a MySQL beside it; upload `container/` with `app/` and `project/` in it.',
    'Set `DATABASE_URL`, `WECHAT_APP_ID`, `WECHAT_SECRET` and `SECRET_KEY` as environment variables.',
    'Call it with `wx.cloud.callContainer`: at most 15 s and 100 KB a request; no domain, no filing. Payment callbacks need a fixed address: check before you rely on it.',
  ],
  zh: [
    '在微信云托管创建服务与 MySQL；上传 `container/`，其中放入 `app/` 与 `project/`。',
    '把 `DATABASE_URL`、`WECHAT_APP_ID`、`WECHAT_SECRET`、`SECRET_KEY` 设为环境变量。',
    '用 `wx.cloud.callContainer` 调用：单次最长 15 秒、100 KB；免域名、免备案。支付回调需要固定出口地址，请先确认。',
  ],
}

const CLOUDBASE: Steps = {
  en: [
    'Keep the functions as they are and deploy them with WeChat DevTools; `sampan export` writes the data in CloudBase’s format.',
  ],
  zh: ['云函数保持原样，用微信开发者工具部署；`sampan export` 可导出云开发格式的数据。'],
}
