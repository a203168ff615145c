-- What the server itself keeps. Portable SQL: BIGINT for times in ms and sizes, VARCHAR(n) for whatever has an index,
-- TEXT for the rest. Text compares by code point on every database (see src/database/portable-sql.ts).

CREATE TABLE users (
  app_id VARCHAR(64) NOT NULL,
  open_id VARCHAR(64) NOT NULL,
  union_id VARCHAR(64),
  created_at_ms BIGINT NOT NULL,
  last_login_at_ms BIGINT NOT NULL,
  PRIMARY KEY (app_id, open_id)
);
CREATE INDEX users_union_id ON users (union_id);

-- Only hashes of tokens are kept: a copy of the database logs nobody in. session_key is encrypted.
CREATE TABLE sessions (
  token_hash VARCHAR(64) NOT NULL PRIMARY KEY,
  open_id VARCHAR(64) NOT NULL,
  union_id VARCHAR(64),
  app_id VARCHAR(64) NOT NULL,
  session_key TEXT NOT NULL,
  created_at_ms BIGINT NOT NULL,
  expires_at_ms BIGINT NOT NULL,
  last_seen_at_ms BIGINT NOT NULL,
  revoked_at_ms BIGINT
);
CREATE INDEX sessions_open_id ON sessions (open_id);
CREATE INDEX sessions_expires_at_ms ON sessions (expires_at_ms);
CREATE INDEX sessions_revoked_at_ms ON sessions (revoked_at_ms);

-- A phone that lost the answer to its log-in asks again with the same code, which WeChat accepts once only.
CREATE TABLE login_answers (
  code_hash VARCHAR(64) NOT NULL PRIMARY KEY,
  answer TEXT NOT NULL,
  expires_at_ms BIGINT NOT NULL
);
CREATE INDEX login_answers_expires_at_ms ON login_answers (expires_at_ms);

-- 768 characters are the longest key that MySQL can index (3,072 bytes).
CREATE TABLE files (
  path VARCHAR(768) NOT NULL PRIMARY KEY,
  blob_name VARCHAR(128) NOT NULL,
  size_bytes BIGINT NOT NULL,
  content_type VARCHAR(255) NOT NULL,
  sha256 VARCHAR(64) NOT NULL,
  owner_open_id VARCHAR(64),
  created_at_ms BIGINT NOT NULL,
  deleted_at_ms BIGINT
);
CREATE INDEX files_owner_open_id ON files (owner_open_id);
CREATE INDEX files_deleted_at_ms ON files (deleted_at_ms);

-- Server-to-server access. secret_key is encrypted: signatures are checked with it, so a hash would not do.
CREATE TABLE access_keys (
  secret_id VARCHAR(64) NOT NULL PRIMARY KEY,
  secret_key TEXT NOT NULL,
  label VARCHAR(200) NOT NULL,
  created_at_ms BIGINT NOT NULL,
  last_used_at_ms BIGINT,
  revoked_at_ms BIGINT
);

-- One request may call several functions, so request_id is no key.
CREATE TABLE function_calls (
  request_id VARCHAR(64) NOT NULL,
  function_name VARCHAR(64) NOT NULL,
  caller_kind VARCHAR(16) NOT NULL,
  started_at_ms BIGINT NOT NULL,
  duration_ms BIGINT NOT NULL,
  memory_bytes BIGINT,
  status VARCHAR(32) NOT NULL,
  error TEXT,
  log TEXT
);
CREATE INDEX function_calls_request_id ON function_calls (request_id);
CREATE INDEX function_calls_function_name ON function_calls (function_name, started_at_ms);
CREATE INDEX function_calls_started_at_ms ON function_calls (started_at_ms);

-- Claiming a slot is inserting its row: of several server processes, one fires a timer.
CREATE TABLE timer_slots (
  function_name VARCHAR(64) NOT NULL,
  trigger_name VARCHAR(64) NOT NULL,
  slot_ms BIGINT NOT NULL,
  state VARCHAR(16) NOT NULL,
  PRIMARY KEY (function_name, trigger_name, slot_ms)
);
CREATE INDEX timer_slots_slot_ms ON timer_slots (slot_ms);
