-- Work that is done beside the requests, once, however often its worker dies.

-- state: waiting, running, done, dead, cancelled. attempts counts the claims and is the fencing token: who finishes a job
-- must name the attempt that is under way. run_at_ms: while waiting, when it is due; while running, when its lease ends.
-- urgency: lower is earlier; running jobs stand before all that wait, in case their worker is lost. run_at_ms, urgency and
-- unique_key are NULL once the job has ended.
CREATE TABLE jobs (
  id VARCHAR(32) NOT NULL PRIMARY KEY,
  kind VARCHAR(64) NOT NULL,
  state VARCHAR(16) NOT NULL,
  urgency INTEGER,
  run_at_ms BIGINT,
  unique_key VARCHAR(255),
  data TEXT NOT NULL,
  owner_open_id VARCHAR(64),
  attempts INTEGER NOT NULL,
  max_attempts INTEGER NOT NULL,
  progress INTEGER NOT NULL,
  message VARCHAR(500) NOT NULL,
  result TEXT,
  error TEXT,
  created_at_ms BIGINT NOT NULL,
  ended_at_ms BIGINT
);
CREATE INDEX jobs_due ON jobs (kind, urgency, run_at_ms);
CREATE INDEX jobs_run_at_ms ON jobs (run_at_ms);
CREATE UNIQUE INDEX jobs_unique_key ON jobs (kind, unique_key);
CREATE INDEX jobs_ended ON jobs (state, ended_at_ms);
