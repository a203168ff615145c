-- The console's administrators, their sessions and invitations, and the record of what they did.
CREATE TABLE administrators (
  id VARCHAR(32) NOT NULL PRIMARY KEY,
  name VARCHAR(64) NOT NULL,
  password_hash VARCHAR(255) NOT NULL,
  role VARCHAR(16) NOT NULL,
  created_at_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX administrators_name ON administrators (name);

-- Only hashes of tokens are kept: a copy of the database signs nobody in.
CREATE TABLE console_sessions (
  token_hash VARCHAR(64) NOT NULL PRIMARY KEY,
  administrator_id VARCHAR(32) NOT NULL,
  created_at_ms BIGINT NOT NULL,
  expires_at_ms BIGINT NOT NULL,
  ip VARCHAR(64) NOT NULL,
  user_agent VARCHAR(255) NOT NULL
);
CREATE INDEX console_sessions_person ON console_sessions (administrator_id);

-- One-time links that make an account: the set-up link of the first start is one, with the role of an owner.
CREATE TABLE console_invites (
  token_hash VARCHAR(64) NOT NULL PRIMARY KEY,
  role VARCHAR(16) NOT NULL,
  created_at_ms BIGINT NOT NULL,
  expires_at_ms BIGINT NOT NULL
);

CREATE TABLE audit_entries (
  id VARCHAR(40) NOT NULL PRIMARY KEY,
  at_ms BIGINT NOT NULL,
  actor VARCHAR(64) NOT NULL,
  action VARCHAR(64) NOT NULL,
  target VARCHAR(255) NOT NULL,
  details TEXT NOT NULL,
  ip VARCHAR(64) NOT NULL
);
CREATE INDEX audit_entries_at ON audit_entries (at_ms);
