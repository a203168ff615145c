/** Nginx in front: TLS that old phones accept, WebSocket, uploads, limits that know mobile carriers, real addresses. */
import { ERRORS } from '@sampan/protocol/errors'
import { type BundleFacts, type BundleFile, FIRST_PORT, file, PATHS, SECOND_PORT } from './bundle-facts.ts'

export const nginxFiles = (facts: BundleFacts): BundleFile[] => [
  file('nginx/nginx.conf', mainFile()),
  file('nginx/conf.d/sampan.conf', siteFile(facts)),
  file('nginx/snippets/sampan-proxy.conf', PROXY_SNIPPET),
]

const mainFile = () => `
# Replaces /etc/nginx/nginx.conf. With 宝塔 or 1Panel keep their file and include conf.d/sampan.conf from it.
user www-data;
worker_processes auto;
worker_rlimit_nofile 65535;
pid /run/nginx.pid;

events {
    # Two descriptors per proxied connection.
    worker_connections 16384;
}

http {
    include mime.types;
    default_type application/octet-stream;
    sendfile on;
    tcp_nopush on;
    server_tokens off;
    keepalive_timeout 75s;
    client_header_timeout 10s;
    client_body_timeout 15s;
    large_client_header_buffers 4 8k;
    types_hash_max_size 2048;

    include conf.d/*.conf;
}
`

function siteFile({ domain, nginxVersion, processes }: BundleFacts): string {
  return `
# Sampan behind nginx. Written for nginx ${nginxVersion}.

map $http_upgrade $connection_upgrade {
    default upgrade;
    # Empty, not "close": only then are connections to the server kept and reused.
    ''      '';
}

# Carriers put thousands of phones behind one address, so a logged-in user is limited by the token.
map $http_authorization $sampan_limit_key {
    ''      $binary_remote_addr;
    default $http_authorization;
}
limit_req_zone $sampan_limit_key zone=sampan_requests:10m rate=30r/s;
limit_conn_zone $binary_remote_addr zone=sampan_connections:10m;
limit_req_status 429;
limit_conn_status 429;

# The monitor and \`sampan doctor\` read latency from here.
log_format sampan escape=json
    '{"time":"$time_iso8601","requestId":"$request_id","client":"$remote_addr","method":"$request_method",'
    '"path":"$uri","status":$status,"bytes":$bytes_sent,"durationSeconds":$request_time,'
    '"upstreamSeconds":"$upstream_response_time","upstream":"$upstream_addr"}';

# max_fails=0: with the default, one failed connection takes a server out for ten seconds, and while the other one
# restarts there is none left: half of the requests of a rolling restart got a 502.
upstream sampan {
    zone sampan_upstream 64k;
${servers(processes)}
    keepalive 64;
}

# Writes keep their connections only for a second. On a kept one the server may hang up in the very moment in which a
# POST is on its way; nginx must not send that again, so it became a 502 during restarts. A stopping server answers for
# longer than this second, and says in each answer that it closes. A new connection for each write is no way out: Node
# accepts one per turn of its event loop, so a busy server took in fewer writes than it could do.
upstream sampan_writes {
    zone sampan_writes 64k;
${servers(processes)}
    keepalive 256;
    keepalive_timeout 1s;
}
map $request_method $sampan_upstream {
    default sampan_writes;
    GET     sampan;
    HEAD    sampan;
    OPTIONS sampan;
}

# When more comes than the server can answer, nginx refuses the rest for a tenth of what it costs the server: lists
# first, then single records, then writes, then log-ins; payment notices never. So many requests of a kind may be at the
# server at once; it needs a few dozen to be fully used.
limit_conn_zone $server_name zone=sampan_lists:1m;
limit_conn_zone $server_name zone=sampan_reads:1m;
limit_conn_zone $server_name zone=sampan_changes:1m;
limit_conn_zone $server_name zone=sampan_logins:1m;
# Not a line in the log for each.
limit_conn_log_level info;

gzip on;
gzip_comp_level 5;
# A record of 1 KB is worth it, too: the line is what runs out first.
gzip_min_length 256;
gzip_proxied any;
gzip_vary on;
gzip_types application/json application/javascript text/css text/plain image/svg+xml;

# Whoever asks for another name gets no certificate and no answer.
server {
    listen 80 default_server;
    server_name _;
    return 444;
}
server {
    listen 443 ssl default_server;
    server_name _;
    ssl_reject_handshake on;
}

server {
    listen 80;
    server_name ${domain};

    location /.well-known/acme-challenge/ {
        root ${PATHS.acme};
    }
    location / {
        return 301 https://$host$request_uri;
    }
}

server {
${listenLines(nginxVersion)}
    server_name ${domain};

    # The whole chain: with the leaf alone, iPhones work and some Androids report errno 600001.
    ssl_certificate     ${PATHS.tls}/fullchain.pem;
    ssl_certificate_key ${PATHS.tls}/private.key;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_prefer_server_ciphers off;
    ssl_session_cache shared:sampan_tls:10m;
    ssl_session_timeout 1d;
    ssl_session_tickets off;
    # Small buffers: 30 instead of 46 KB per WebSocket.
    ssl_buffer_size 4k;

    add_header Strict-Transport-Security "max-age=31536000" always;
    add_header X-Content-Type-Options nosniff always;

    access_log /var/log/nginx/sampan.log sampan buffer=64k flush=5s;
    error_log  /var/log/nginx/sampan-error.log warn;

    client_max_body_size 1m;
    limit_req  zone=sampan_requests burst=60 nodelay;
    limit_conn sampan_connections 200;

    proxy_connect_timeout 2s;
    proxy_send_timeout 60s;
    # Longer than two pings of a WebSocket.
    proxy_read_timeout 75s;
    proxy_next_upstream error timeout;

    location / {
        include snippets/sampan-proxy.conf;
        proxy_pass http://$sampan_upstream;
    }

    # Questions, though they are asked by POST: they may be sent again, so they keep their connections to the server.
    location ~ ^/v1/documents/(find|count|aggregate)$ {
        limit_conn sampan_lists 32;
${busy}
        proxy_next_upstream error timeout non_idempotent;
        include snippets/sampan-proxy.conf;
        proxy_pass http://sampan;
    }
    location = /v1/documents/get {
        limit_conn sampan_reads 32;
${busy}
        proxy_next_upstream error timeout non_idempotent;
        include snippets/sampan-proxy.conf;
        proxy_pass http://sampan;
    }
    location /v1/documents/ {
        limit_conn sampan_changes 192;
${busy}
        include snippets/sampan-proxy.conf;
        proxy_pass http://$sampan_upstream;
    }
    location = /v1/login {
        limit_conn sampan_logins 256;
${busy}
        include snippets/sampan-proxy.conf;
        proxy_pass http://$sampan_upstream;
    }
    location @sampan_busy {
        default_type application/json;
        add_header Retry-After 1 always;
        return 503 '${BUSY_BODY}';
    }

    location ~ ^/(v1|cloud|console/api)/(realtime|rooms|watch|stream|events) {
        proxy_buffering off;
        include snippets/sampan-proxy.conf;
        proxy_pass http://$sampan_upstream;
    }

    # Uploads pass through without being stored here first. Better still: COS direct upload, which never comes here.
    location ~ ^/(v1/files|cloud-upload) {
        client_max_body_size 20m;
        client_body_timeout 60s;
        proxy_request_buffering off;
        include snippets/sampan-proxy.conf;
        proxy_pass http://$sampan_upstream;
    }

    # Functions reach it on loopback, past nginx; nobody else may.
    location /admin {
        return 404;
    }

    location ~ ^/(livez|readyz|metrics)$ {
        allow 127.0.0.1;
        deny all;
        access_log off;
        include snippets/sampan-proxy.conf;
        proxy_pass http://$sampan_upstream;
    }
}
`
}

const busy = `        limit_conn sampan_connections 200;
        limit_conn_status 503;
        error_page 503 @sampan_busy;`

/** As the server itself refuses; the id is the one that goes to the log. */
const BUSY_BODY = JSON.stringify({
  error: {
    code: 'overloaded',
    message: 'The server has as much to do as it can answer in time.',
    hint: ERRORS.overloaded.hint,
    details: { retryAfterSeconds: 1 },
    requestId: '$request_id',
    errCode: ERRORS.overloaded.errCode,
  },
})

const servers = (processes: number): string =>
  [
    `    server 127.0.0.1:${FIRST_PORT} max_fails=0;`,
    `    server 127.0.0.1:${SECOND_PORT} max_fails=0${processes > 1 ? '' : ' backup'};`,
  ].join('\n')

/** One proxy_set_header in a location drops all inherited ones, so every location includes the whole set. */
const PROXY_SNIPPET = `
proxy_http_version 1.1;
proxy_set_header Host $host;
proxy_set_header Upgrade $http_upgrade;
proxy_set_header Connection $connection_upgrade;
proxy_set_header X-Request-Id $request_id;
proxy_set_header X-Forwarded-Proto $scheme;
# Not $proxy_add_x_forwarded_for: what the client claims must not survive. Behind a load balancer, use set_real_ip_from.
proxy_set_header X-Forwarded-For $remote_addr;
proxy_set_header X-Real-IP $remote_addr;
`

/** "http2 on" is unknown before 1.25.1, and "listen … http2" is deprecated from then on. */
function listenLines(version: string): string {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number)
  const isNew = major > 1 || minor > 25 || (minor === 25 && patch >= 1)
  return isNew ? '    listen 443 ssl;\n    http2 on;' : '    listen 443 ssl http2;'
}
