/** Databases and Redis on the same box, each within its share of the memory, listening to nobody outside. */
import { type BundleFacts, type BundleFile, file } from './bundle-facts.ts'

export function databaseFiles(facts: BundleFacts): BundleFile[] {
  const files: BundleFile[] = []
  if (facts.database === 'mysql') {
    files.push(file('mariadb/60-sampan.cnf', mariadb(facts)), file('mysql/60-sampan.cnf', mysql(facts)))
  }
  if (facts.database === 'postgres') files.push(file('postgres/60-sampan.conf', postgres(facts)))
  if (facts.usesRedis) files.push(file('redis/sampan.conf', redis(facts)))
  return files
}

/** Pools of all processes together stay below this; the rest is for backups and a person with a client. */
const MAX_CONNECTIONS = 60

const shared = ({ memory }: BundleFacts) =>
  `
bind-address = 127.0.0.1
skip_name_resolve = ON
character_set_server = utf8mb4
max_connections = ${MAX_CONNECTIONS}
innodb_buffer_pool_size = ${memory.databaseCacheMB}M
# Every acknowledged write is on disk. Content that may lose a second can say 2.
innodb_flush_log_at_trx_commit = 1
sync_binlog = 1
table_open_cache = 400
tmp_table_size = 16M
max_heap_table_size = 16M
sort_buffer_size = 256K
join_buffer_size = 256K
thread_cache_size = 16
slow_query_log = ON
long_query_time = 0.3
`.trim()

/** Debian's own packages. MariaDB refuses MySQL's newer options, hence two files. */
const mariadb = (facts: BundleFacts) => `
# /etc/mysql/mariadb.conf.d/60-sampan.cnf
[mariadbd]
${shared(facts)}
innodb_log_file_size = 128M
performance_schema = OFF
log_bin = sampan-bin
expire_logs_days = 7
`

const mysql = (facts: BundleFacts) => `
# /etc/mysql/conf.d/60-sampan.cnf, for MySQL 8.4 LTS. There is no query cache to switch on: 8.0 removed it.
[mysqld]
${shared(facts)}
innodb_redo_log_capacity = 256M
performance_schema = OFF
mysqlx = OFF
binlog_expire_logs_seconds = 604800
`

const postgres = ({ memory }: BundleFacts) => `
# /etc/postgresql/15/main/conf.d/60-sampan.conf
listen_addresses = '127.0.0.1'
max_connections = ${MAX_CONNECTIONS}
shared_buffers = ${memory.databaseCacheMB}MB
effective_cache_size = ${memory.databaseCacheMB * 2}MB
work_mem = 4MB
maintenance_work_mem = 64MB
wal_compression = on
max_wal_size = 512MB
synchronous_commit = on
random_page_cost = 1.1
log_min_duration_statement = 300
statement_timeout = 15000
idle_in_transaction_session_timeout = 30000
`

const redis = ({ memory }: BundleFacts) => `
# Holds only what can be rebuilt: cache, rate limits, messages between processes. So: nothing is written to disk, and
# the least used keys go first. Put a queue or sessions of your own into another instance with noeviction.
bind 127.0.0.1
protected-mode yes
port 6379
unixsocket /run/redis/redis-server.sock
unixsocketperm 770
maxmemory ${memory.redisMB}mb
maxmemory-policy allkeys-lru
save ""
appendonly no
tcp-keepalive 60
timeout 0
daemonize no
`
