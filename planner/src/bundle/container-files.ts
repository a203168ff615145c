/** The same server as a container: for Compose, for Kubernetes and for CloudBase Run. */
import { stringify } from 'yaml'
import { type BundleFacts, type BundleFile, file } from './bundle-facts.ts'

export const NODE_IMAGE = 'node:24.21-bookworm-slim'

/** The Dockerfile expects the checkout of Sampan as `app/` and the mini program's project as `project/` beside it. */
export const dockerfile = (port: number): BundleFile =>
  file(
    'container/Dockerfile',
    `
# Build from a folder with app/ (Sampan) and project/ (your mini program):  docker build -f Dockerfile -t sampan:1 .
FROM ${NODE_IMAGE} AS dependencies
WORKDIR /srv
COPY app/ app/
RUN cd app && npm ci --omit=dev --ignore-scripts && npm cache clean --force

FROM ${NODE_IMAGE}
WORKDIR /srv
COPY --from=dependencies --chown=node:node /srv/app app/
COPY --chown=node:node project/ project/
RUN install -d -o node -g node -m 0750 /data
USER node
ENV NODE_ENV=production HOST=0.0.0.0 PORT=${port} DATA_DIR=/data
EXPOSE ${port}
# No shell in between: SIGTERM reaches the server, which drains.
CMD ["node", "app/cli/src/main.ts", "start", "--project", "project"]
`,
  )

export function composeFiles(facts: BundleFacts): BundleFile[] {
  return [
    file(
      'compose/docker-compose.yml',
      `# An alternative to systemd: docker compose up -d\n${stringify(compose(facts), { lineWidth: 0 })}`,
    ),
    file('compose/nginx.conf', composeNginx(facts)),
  ]
}

const LOGGING = { driver: 'json-file', options: { 'max-size': '20m', 'max-file': '5' } }

function compose({ memory, database, usesRedis, processes }: BundleFacts) {
  const names = Array.from({ length: processes }, (_, index) => `sampan-${index + 1}`)
  const server = {
    build: { context: '../container' },
    restart: 'unless-stopped',
    env_file: ['../env/sampan.env'],
    environment: {
      ...(database === 'mysql' ? { DATABASE_URL: 'mysql://sampan:$DATABASE_PASSWORD@database:3306/sampan' } : {}),
      ...(database === 'postgres' ? { DATABASE_URL: 'postgres://sampan:$DATABASE_PASSWORD@database:5432/sampan' } : {}),
      DATA_DIR: '/data',
      HOST: '0.0.0.0',
      NODE_OPTIONS: `--max-old-space-size=${memory.heapMB}`,
      PORT: '8080',
      ...(usesRedis ? { REDIS_URL: 'redis://redis:6379' } : {}),
    },
    volumes: ['data:/data'],
    mem_limit: `${memory.serverMaxMB}m`,
    stop_grace_period: '35s',
    healthcheck: {
      test: [
        'CMD',
        'node',
        '-e',
        "fetch('http://127.0.0.1:8080/livez').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))",
      ],
      interval: '10s',
      timeout: '3s',
      retries: 3,
    },
    logging: LOGGING,
  }
  return {
    name: 'sampan',
    services: {
      ...databaseService({ memory, database }),
      nginx: {
        image: 'nginx:1.28-alpine',
        restart: 'unless-stopped',
        depends_on: names,
        volumes: [
          './nginx.conf:/etc/nginx/conf.d/default.conf:ro',
          '../nginx/snippets:/etc/nginx/snippets:ro',
          '/etc/sampan/tls:/etc/sampan/tls:ro',
        ],
        // Public on purpose: these two are the only ports that anybody else may reach.
        ports: ['0.0.0.0:80:80', '0.0.0.0:443:443'],
        logging: LOGGING,
      },
      ...(usesRedis
        ? {
            redis: {
              image: 'redis:7.4-alpine',
              restart: 'unless-stopped',
              command: [
                'redis-server',
                '--maxmemory',
                `${memory.redisMB}mb`,
                '--maxmemory-policy',
                'allkeys-lru',
                '--save',
                '',
                '--appendonly',
                'no',
              ],
              mem_limit: `${Math.round(memory.redisMB * 1.5)}m`,
              logging: LOGGING,
            },
          }
        : {}),
      ...Object.fromEntries(names.map((name) => [name, server])),
    },
    volumes: { data: {}, ...(database === 'sqlite' ? {} : { database: {} }) },
  }
}

function databaseService({ memory, database }: Pick<BundleFacts, 'memory' | 'database'>) {
  if (database === 'sqlite') return {}
  const isMysql = database === 'mysql'
  return {
    database: {
      image: isMysql ? 'mariadb:11.4' : 'postgres:17-alpine',
      restart: 'unless-stopped',
      command: isMysql
        ? [`--innodb-buffer-pool-size=${memory.databaseCacheMB}M`, '--max-connections=60']
        : ['-c', `shared_buffers=${memory.databaseCacheMB}MB`],
      environment: isMysql
        ? {
            MARIADB_DATABASE: 'sampan',
            MARIADB_PASSWORD: '$DATABASE_PASSWORD',
            MARIADB_RANDOM_ROOT_PASSWORD: '1',
            MARIADB_USER: 'sampan',
          }
        : { POSTGRES_DB: 'sampan', POSTGRES_PASSWORD: '$DATABASE_PASSWORD', POSTGRES_USER: 'sampan' },
      volumes: [isMysql ? 'database:/var/lib/mysql' : 'database:/var/lib/postgresql/data'],
      mem_limit: `${memory.databaseCacheMB + 420}m`,
      logging: LOGGING,
    },
  }
}

/** Inside Compose the servers have names instead of ports, and newer nginx writes HTTP/2 differently. */
function composeNginx({ domain, processes }: BundleFacts): string {
  const servers = Array.from({ length: processes }, (_, index) => `    server sampan-${index + 1}:8080 max_fails=0;`)
  return `
map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
upstream sampan {
    zone sampan 64k;
${servers.join('\n')}
    keepalive 64;
}
gzip on;
gzip_min_length 256;
gzip_types application/json;
server_tokens off;

server {
    listen 80;
    server_name ${domain};
    location / { return 301 https://$host$request_uri; }
}
server {
    listen 443 ssl;
    http2 on;
    server_name ${domain};
    ssl_certificate     /etc/sampan/tls/fullchain.pem;
    ssl_certificate_key /etc/sampan/tls/private.key;
    ssl_protocols TLSv1.2 TLSv1.3;
    client_max_body_size 20m;
    proxy_read_timeout 75s;
    location /admin { return 404; }
    location / {
        include snippets/sampan-proxy.conf;
        proxy_pass http://sampan;
    }
}
`
}
