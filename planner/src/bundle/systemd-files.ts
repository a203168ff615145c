/** The server under systemd: two instances of one hardened unit, backups and certificate renewal as timers. */
import { type BundleFacts, type BundleFile, file, PATHS } from './bundle-facts.ts'

export const systemdFiles = (facts: BundleFacts): BundleFile[] => [
  file('systemd/sampan@.service', serverUnit(facts)),
  file('systemd/sampan-backup.service', jobUnit('Back up Sampan', '/opt/sampan/scripts/backup.sh')),
  file('systemd/sampan-backup.timer', timer('Back up Sampan every night', '*-*-* 03:20:00', '20m')),
  file(
    'systemd/sampan-restore-drill.service',
    jobUnit('Prove that the last backup of Sampan can be restored', '/opt/sampan/scripts/restore-drill.sh'),
  ),
  file('systemd/sampan-restore-drill.timer', timer('Prove the backup every week', 'Sun *-*-* 04:30:00', '30m')),
  file(
    'systemd/sampan-certificate.service',
    jobUnit('Renew the certificate if it is due', '%h/.acme.sh/acme.sh --cron --home %h/.acme.sh'),
  ),
  file('systemd/sampan-certificate.timer', timer('Look daily whether the certificate is due', '*-*-* 02:10:00', '1h')),
]

function serverUnit({ memory, processes }: BundleFacts): string {
  return `
[Unit]
Description=Sampan on port %i
After=network-online.target mariadb.service mysql.service postgresql.service redis-server.service
Wants=network-online.target
# Five crashes within a minute: stop, so that somebody looks.
StartLimitIntervalSec=60
StartLimitBurst=5

[Service]
Type=simple
User=sampan
Group=sampan
WorkingDirectory=${PATHS.project}
EnvironmentFile=${PATHS.environment}
Environment=NODE_ENV=production PORT=%i NODE_OPTIONS=--max-old-space-size=${memory.heapMB}
ExecStart=${PATHS.node} ${PATHS.program} start --project ${PATHS.project}
Restart=on-failure
RestartSec=1
# The server drains for 20 seconds and is gone after 25.
TimeoutStopSec=35
KillMode=mixed

# Memory: ${processes} process${processes > 1 ? 'es' : ''} of this unit, function workers included. Node dies before the database does.
MemoryHigh=${Math.floor(memory.serverMaxMB * 0.9)}M
MemoryMax=${memory.serverMaxMB}M
OOMScoreAdjust=300
LimitNOFILE=65535
TasksMax=512

StateDirectory=sampan
StateDirectoryMode=0750
UMask=0027
# The second holds server.json, by which \`sampan call\` finds the running server.
ReadWritePaths=${PATHS.data} -${PATHS.project}/.sampan

# Hardening. Not here on purpose: MemoryDenyWriteExecute (V8 compiles at run time) and ProcSubset=pid (os.cpus()
# would be empty).
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateUsers=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
CapabilityBoundingSet=
AmbientCapabilities=

[Install]
WantedBy=multi-user.target
`
}

/** Jobs give way to the server: lowest priority for processor and disk. */
const jobUnit = (description: string, command: string) => `
[Unit]
Description=${description}
After=network-online.target
Wants=network-online.target

[Service]
Type=oneshot
EnvironmentFile=-${PATHS.environment}
ExecStart=${command}
Nice=15
IOSchedulingClass=idle
NoNewPrivileges=yes
PrivateTmp=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
`

const timer = (description: string, calendar: string, spread: string) => `
[Unit]
Description=${description}

[Timer]
OnCalendar=${calendar}
RandomizedDelaySec=${spread}
Persistent=true

[Install]
WantedBy=timers.target
`
