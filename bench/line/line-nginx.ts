/** The real nginx with TLS in front of a server, inside the server's namespace. */
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export type LineNginx = { readonly port: number; close(): Promise<void> }

const TLS_PORT = 8443
const START_LIMIT_MS = 5_000
/** What somebody downloads while others ask short questions. */
export const LARGE_FILE = '/large.bin'
const LARGE_BYTES = 300 * 1024

/** @param gzipFromBytes undefined sends everything as it is; 256 is what our deployment files say, 1024 what most do */
export async function startLineNginx(
  folder: string,
  inServer: readonly string[],
  { appPort, gzipFromBytes }: { appPort: number; gzipFromBytes: number | undefined },
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
  writeFileSync(path.join(folder, LARGE_FILE), randomBytes(LARGE_BYTES))
  const file = path.join(folder, 'nginx.conf')
  writeFileSync(file, configuration({ folder, key, certificate, appPort, gzipFromBytes }))
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

type Settings = {
  folder: string
  key: string
  certificate: string
  appPort: number
  gzipFromBytes: number | undefined
}

/** The lines that matter here are those of our deployment files: keep-alive to the server, gzip. */
const configuration = ({ folder, key, certificate, appPort, gzipFromBytes }: Settings) => `
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
  ${gzipFromBytes ? `gzip on; gzip_comp_level 5; gzip_min_length ${gzipFromBytes}; gzip_proxied any; gzip_vary on; gzip_types application/json;` : 'gzip off;'}
  server {
    listen ${TLS_PORT} ssl http2;
    ssl_certificate ${certificate};
    ssl_certificate_key ${key};
    location = ${LARGE_FILE} {
      root ${folder};
    }
    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header connection "";
      proxy_set_header host $host;
    }
  }
}
`
