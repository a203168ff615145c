/** What a person runs on the server: install once, restart without a lost request, issue a certificate, back up, prove it. */
import { type BundleFacts, type BundleFile, FIRST_PORT, file, PATHS, SECOND_PORT } from './bundle-facts.ts'

const script = (path: string, content: string) => file(path, content, 0o755)

export const scriptFiles = (facts: BundleFacts): BundleFile[] => [
  script('scripts/install.sh', install(facts)),
  script('scripts/rolling-restart.sh', rollingRestart(facts)),
  script('scripts/issue-certificate.sh', issueCertificate(facts)),
  script('scripts/backup.sh', backup(facts)),
  script('scripts/restore-drill.sh', restoreDrill(facts)),
  script('scripts/firewall.sh', FIREWALL),
]

const HEAD = '#!/usr/bin/env bash\nset -euo pipefail'

const PACKAGES = {
  sqlite: 'sqlite3',
  mysql: 'mariadb-server',
  postgres: 'postgresql',
} as const

function install({ database, usesRedis, memory, processes }: BundleFacts): string {
  const packages = [
    'nginx-light',
    'curl',
    'openssl',
    'socat',
    'zstd',
    'age',
    'rclone',
    'ufw',
    'unattended-upgrades',
    PACKAGES[database],
    ...(usesRedis ? ['redis-server'] : []),
  ]
  const databaseConfig = {
    sqlite: '',
    mysql:
      '\ninstall -m 0644 "$here/mariadb/60-sampan.cnf" /etc/mysql/mariadb.conf.d/60-sampan.cnf\nsystemctl restart mariadb',
    postgres:
      '\ninstall -m 0644 "$here/postgres/60-sampan.conf" /etc/postgresql/15/main/conf.d/60-sampan.conf\nsystemctl restart postgresql',
  }[database]
  const redisConfig = usesRedis
    ? '\ninstall -o redis -g redis -m 0640 "$here/redis/sampan.conf" /etc/redis/redis.conf\nsystemctl restart redis-server'
    : ''
  const standby = processes > 1 ? `\nsystemctl enable --now sampan@${SECOND_PORT}` : ''
  return `
${HEAD}
# Sets up this machine (Debian 12). Safe to run again. Nothing is built here: a build on 2 GB ends in the OOM killer.
here="$(cd "$(dirname "$0")/.." && pwd)"
[ "$(id -u)" -eq 0 ] || { echo 'Run as root: sudo scripts/install.sh' >&2; exit 2; }
[ -x ${PATHS.node} ] || { echo 'Put Node 24 at ${PATHS.node} first; see README.md, step 4.' >&2; exit 1; }

apt-get update -qq
apt-get install -y --no-install-recommends ${packages.join(' ')}

id sampan >/dev/null 2>&1 || useradd --system --home-dir ${PATHS.data} --shell /usr/sbin/nologin sampan
install -d -o sampan -g sampan -m 0750 ${PATHS.data}
install -d -m 0755 ${PATHS.acme} /opt/sampan/scripts ${PATHS.project}
install -d -o sampan -g sampan -m 0700 ${PATHS.project}/.sampan
install -d -m 0700 /etc/sampan ${PATHS.tls}

# The environment file is yours once it exists.
if [ ! -f ${PATHS.environment} ]; then
  install -m 0600 "$here/env/sampan.env" ${PATHS.environment}
  sed -i "s|^SECRET_KEY=.*|SECRET_KEY=$(openssl rand -hex 32)|" ${PATHS.environment}
fi

# Swap: without it a box of this size freezes when memory is full.
if ! swapon --show | grep -q .; then
  fallocate -l ${memory.swapMB}M /swapfile && chmod 600 /swapfile && mkswap /swapfile && swapon /swapfile
  grep -q '^/swapfile ' /etc/fstab || echo '/swapfile none swap sw 0 0' >> /etc/fstab
fi
install -m 0644 "$here/sysctl/60-sampan.conf" /etc/sysctl.d/60-sampan.conf
sysctl --quiet --load /etc/sysctl.d/60-sampan.conf || true
install -m 0644 "$here/logrotate/sampan" /etc/logrotate.d/sampan
install -m 0755 "$here"/scripts/*.sh /opt/sampan/scripts/
${databaseConfig}${redisConfig}

# A certificate for an hour, so that nginx starts before the real one is there.
if [ ! -f ${PATHS.tls}/fullchain.pem ]; then
  openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=pending \\
    -keyout ${PATHS.tls}/private.key -out ${PATHS.tls}/fullchain.pem 2>/dev/null
fi
install -d /etc/nginx/snippets
install -m 0644 "$here/nginx/nginx.conf" /etc/nginx/nginx.conf
install -m 0644 "$here/nginx/conf.d/sampan.conf" /etc/nginx/conf.d/sampan.conf
install -m 0644 "$here/nginx/snippets/sampan-proxy.conf" /etc/nginx/snippets/sampan-proxy.conf
nginx -t
systemctl enable nginx
systemctl reload-or-restart nginx

install -m 0644 "$here"/systemd/* /etc/systemd/system/
systemctl daemon-reload
systemctl enable --now sampan-backup.timer sampan-restore-drill.timer sampan-certificate.timer
systemctl enable --now sampan@${FIRST_PORT}${standby}
echo 'Installed. Next: fill in ${PATHS.environment}, then scripts/rolling-restart.sh and scripts/issue-certificate.sh'
`
}

function rollingRestart({ processes }: BundleFacts): string {
  const wait = `
# Waits until a process says that it is ready; gives up after a minute.
ready() {
  for _ in $(seq 1 300); do
    curl -fsS -o /dev/null --max-time 2 "http://127.0.0.1:$1/readyz" 2>/dev/null && return 0
    sleep 0.2
  done
  echo "Port $1 is not ready after a minute: journalctl -u sampan@$1 -n 50" >&2
  return 1
}`
  const standby = `
# One process owns SQLite. A standby answers while it restarts, then goes away again.
systemctl start sampan@${SECOND_PORT}
ready ${SECOND_PORT}
systemctl restart sampan@${FIRST_PORT}
ready ${FIRST_PORT}
systemctl stop sampan@${SECOND_PORT}`
  const inTurn = `
# One after the other, the next only when the one before answers again.
for port in ${FIRST_PORT} ${SECOND_PORT}; do
  systemctl restart "sampan@$port"
  ready "$port"
done`
  return `${HEAD}\n# Restarts the server without a lost request.\n${wait}\n${processes > 1 ? inTurn : standby}\necho 'Restarted.'`
}

const issueCertificate = ({ domain }: BundleFacts) => `
${HEAD}
# Issues a certificate and has nginx use it. RSA: some old phones refuse ECDSA.
#   DNS-01, works before the ICP filing is through:  DP_Id=… DP_Key=…           $0 dns_dp    (DNSPod)
#                                                    Ali_Key=… Ali_Secret=…     $0 dns_ali   (Alibaba)
#   HTTP-01, needs the filing and port 80:                                      $0 http
method="\${1:-}"
domain="\${DOMAIN:-${domain}}"
acme=~root/.acme.sh/acme.sh

[ -x "$acme" ] || { echo 'Install acme.sh first: git clone https://gitee.com/neilpang/acme.sh && cd acme.sh && ./acme.sh --install --nocron' >&2; exit 1; }
case "$method" in
  dns_*) "$acme" --issue --server letsencrypt --keylength 2048 --dns "$method" -d "$domain" ;;
  http)  "$acme" --issue --server letsencrypt --keylength 2048 --webroot ${PATHS.acme} -d "$domain" ;;
  *)     echo "Usage: $0 dns_dp|dns_ali|http" >&2; exit 2 ;;
esac

# The full chain, or some Androids report errno 600001. Renewal is sampan-certificate.timer's: by lifetime, not by date.
"$acme" --install-cert -d "$domain" \\
  --fullchain-file ${PATHS.tls}/fullchain.pem --key-file ${PATHS.tls}/private.key \\
  --reloadcmd 'systemctl reload nginx'
`

const DUMPS = {
  sqlite: `sqlite3 ${PATHS.data}/app.db ".timeout 30000" "VACUUM INTO '$work/app.db'"
[ "$(sqlite3 "$work/app.db" 'PRAGMA integrity_check')" = ok ] || { echo 'The copy is damaged' >&2; exit 1; }`,
  mysql: `mysqldump --single-transaction --routines --databases sampan > "$work/sampan.sql"
tail -n 1 "$work/sampan.sql" | grep -q 'Dump completed' || { echo 'The dump is incomplete' >&2; exit 1; }`,
  postgres: `runuser -u postgres -- pg_dump --format=custom sampan > "$work/sampan.dump"
pg_restore --list "$work/sampan.dump" > /dev/null`,
} as const

const backup = ({ database }: BundleFacts) => `
${HEAD}
# Copies database and files, checks the copy, encrypts it, sends it away. Keeps three days here.
umask 077
: "\${BACKUP_AGE_RECIPIENT:?set it in ${PATHS.environment}: age-keygen on your laptop, the public key here}"
: "\${BACKUP_REMOTE:?set it in ${PATHS.environment}: an rclone remote in another bucket, such as cos:backup-bucket/sampan}"

store=/var/backups/sampan
install -d -m 0700 "$store"
work="$(mktemp -d "$store/work.XXXXXX")"
trap 'rm -rf "$work"' EXIT

${DUMPS[database]}
if [ -d ${PATHS.data}/files ]; then tar -C ${PATHS.data} -cf "$work/files.tar" files; fi
(cd "$work" && sha256sum ./* > manifest.sha256)

name="sampan-$(date -u +%Y%m%dT%H%M%SZ).tar.zst.age"
tar -C "$work" -cf - . | zstd -q -6 | age -r "$BACKUP_AGE_RECIPIENT" > "$store/$name"
rclone copy "$store/$name" "$BACKUP_REMOTE"
# What the restore drill looks at, since the private key is not on this machine.
rm -rf "$store/last" && cp -a "$work" "$store/last"
find "$store" -maxdepth 1 -name 'sampan-*.age' -mtime +3 -delete
echo "$name"
`

const DRILLS = {
  sqlite: `cp "$last/app.db" "$scratch/app.db"
[ "$(sqlite3 "$scratch/app.db" 'PRAGMA integrity_check')" = ok ]
tables="$(sqlite3 "$scratch/app.db" "SELECT count(*) FROM sqlite_schema WHERE type='table'")"`,
  mysql: `mysql -e 'DROP DATABASE IF EXISTS sampan_drill; CREATE DATABASE sampan_drill'
sed -e 's/^CREATE DATABASE .*//' -e 's/^USE .*//' "$last/sampan.sql" | mysql sampan_drill
tables="$(mysql -N -e "SELECT count(*) FROM information_schema.tables WHERE table_schema='sampan_drill'")"
mysql -e 'DROP DATABASE sampan_drill'`,
  postgres: `runuser -u postgres -- dropdb --if-exists sampan_drill
runuser -u postgres -- createdb sampan_drill
runuser -u postgres -- pg_restore --no-owner --dbname=sampan_drill < "$last/sampan.dump"
tables="$(runuser -u postgres -- psql -At sampan_drill -c "SELECT count(*) FROM pg_tables WHERE schemaname='public'")"
runuser -u postgres -- dropdb sampan_drill`,
} as const

const restoreDrill = ({ database }: BundleFacts) => `
${HEAD}
# A backup counts once it was restored. Loads last night's copy beside the real one, looks at it, throws it away.
last=/var/backups/sampan/last
[ -d "$last" ] || { echo 'There is no backup yet: run backup.sh first' >&2; exit 1; }
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT

(cd "$last" && sha256sum --quiet --check manifest.sha256)
${DRILLS[database]}
[ "$tables" -gt 0 ] || { echo 'The restored database is empty' >&2; exit 1; }
date -u +%Y-%m-%dT%H:%M:%SZ > /var/backups/sampan/last-proved
echo "Restored $tables tables."
`

const FIREWALL = `
${HEAD}
# The second wall. The first is the cloud console: open 22 (your address only), 80 and 443 there.
# Docker passes by ufw: ports it publishes must be bound to 127.0.0.1.
ufw default deny incoming
ufw default allow outgoing
ufw limit 22/tcp
ufw allow 80/tcp
ufw allow 443/tcp
ufw --force enable
`
