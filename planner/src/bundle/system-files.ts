/** Kernel, log rotation and the environment of the server. */
import { type BundleFacts, type BundleFile, file, PATHS } from './bundle-facts.ts'

export const systemFiles = (facts: BundleFacts): BundleFile[] => [
  file('sysctl/60-sampan.conf', SYSCTL),
  file('logrotate/sampan', LOGROTATE),
  file('env/sampan.env', environment(facts), 0o600),
]

const SYSCTL = `
# /etc/sysctl.d/60-sampan.conf: what helps a small uplink and many short connections, and nothing else.
net.core.somaxconn = 4096
net.ipv4.tcp_max_syn_backlog = 4096
net.ipv4.ip_local_port_range = 10240 65000
net.ipv4.tcp_tw_reuse = 1
net.core.default_qdisc = fq
net.ipv4.tcp_congestion_control = bbr
fs.file-max = 262144
vm.swappiness = 10
# Redis forks; without this a full box refuses the fork although pages are shared.
vm.overcommit_memory = 1
`

const LOGROTATE = `
/var/log/nginx/sampan.log /var/log/nginx/sampan-error.log {
    daily
    rotate 14
    maxsize 200M
    missingok
    notifempty
    compress
    delaycompress
    sharedscripts
    postrotate
        [ ! -f /run/nginx.pid ] || kill -USR1 "$(cat /run/nginx.pid)"
    endscript
}
`

function environment({ domain, database, usesRedis }: BundleFacts): string {
  return `
# ${PATHS.environment}, readable by root only; systemd reads it before it drops privileges.
HOST=127.0.0.1
PUBLIC_URL=https://${domain}
DATA_DIR=${PATHS.data}
DATABASE_URL=${DATABASE_URLS[database]}
REDIS_URL=${usesRedis ? 'redis://127.0.0.1:6379' : ''}

# From mp.weixin.qq.com → 开发管理 → 开发设置. The AppSecret is never logged.
WECHAT_APP_ID=
WECHAT_SECRET=

# Encrypts session keys at rest; scripts/install.sh fills it in once. Keep a copy off this machine.
SECRET_KEY=

# Backups: the public half of an age key whose private half is NOT on this machine, and an rclone remote.
BACKUP_AGE_RECIPIENT=
BACKUP_REMOTE=
`
}

const DATABASE_URLS = {
  sqlite: '',
  mysql: 'mysql://sampan:CHANGE_ME@127.0.0.1:3306/sampan',
  postgres: 'postgres://sampan:CHANGE_ME@127.0.0.1:5432/sampan',
} as const
