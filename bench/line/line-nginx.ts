/** The real nginx with TLS in front of a server, inside the server's namespace. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export type LineNginx = { readonly port: number; close(): Promise<void> }

const TLS_PORT = 8443
const START_LIMIT_MS = 5_000

/** @param gzipLevel 0 sends everything as it is; 5 is what our deployment files say */
export async function startLineNginx(
  folder: string,
  inServer: readonly string[],
  { appPort, gzipLevel }: { appPort: number; gzipLevel: number },
): Promise<LineNginx> {
  mkdirSync(folder, { recursive: true })
  const [key, certificate] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')]
  const subject = ['-subj', '/CN=bench.local', '-days', '2', '-nodes']
  spawnSync('openssl', [
    ...[
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-keyout',
      key,
      '-out',
      certificate,
    ],
    ...subject,
  ])
  const file = path.join(folder, 'nginx.conf')
  writeFileSync(file, configuration({ folder, key, certificate, appPort, gzipLevel }))
  const [program = '', ...words] = [
    ...inServer,
    'nginx',
    '-c',
    file,
    '-p',
    folder,
    '-e',
    path.join(folder, 'error.log'),
  ]
  const child = spawn(program, words, { stdio: 'ignore' })
  const endMs = performance.now() + START_LIMIT_MS
  const isListening = () =>
    spawnSync(inServer[0] ?? '', [...inServer.slice(1), 'ss', '-Hltn', `sport = :${TLS_PORT}`], { encoding: 'utf8' })
      .stdout
  while (!isListening()) {
    if (performance.now() > endMs || child.exitCode !== null) throw new Error(`nginx did not start, see ${folder}`)
    await sleep(50)
  }
  const close = () =>
    new Promise<void>((resolve) => {
      child.once('exit', () => resolve())
      child.kill('SIGTERM')
    })
  return { port: TLS_PORT, close }
}

type Settings = { folder: string; key: string; certificate: string; appPort: number; gzipLevel: number }

/** The lines that matter here are those of our deployment files: keep-alive to the server, gzip from 1 KB on. */
const configuration = ({ folder, key, certificate, appPort, gzipLevel }: Settings) => `
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
events { worker_connections 1024; }
http {
  access_log off;
  keepalive_requests 100000;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  upstream app { server 127.0.0.1:${appPort}; keepalive 64; }
  ${gzipLevel ? `gzip on; gzip_comp_level ${gzipLevel}; gzip_min_length 1024; gzip_proxied any; gzip_vary on; gzip_types application/json;` : 'gzip off;'}
  server {
    listen ${TLS_PORT} ssl http2;
    ssl_certificate ${certificate};
    ssl_certificate_key ${key};
    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header connection "";
      proxy_set_header host $host;
    }
  }
}
`
