-- Limited goods: sales, their items, and who has reserved what. At any time, for each item:
-- total = remaining + quantities held + quantities sold.

-- A batch of reservations locks the sale's row, so that two processes decide one after the other. config_hash: of the
-- definition in the project's configuration that was taken over last.
CREATE TABLE stock_sales (
  id VARCHAR(64) NOT NULL PRIMARY KEY,
  title VARCHAR(200) NOT NULL,
  starts_at_ms BIGINT NOT NULL,
  ends_at_ms BIGINT NOT NULL,
  limit_per_user INTEGER NOT NULL,
  hold_ms BIGINT NOT NULL,
  is_refund_restocked INTEGER NOT NULL,
  config_hash VARCHAR(64) NOT NULL,
  updated_at_ms BIGINT NOT NULL
);
CREATE INDEX stock_sales_ends_at_ms ON stock_sales (ends_at_ms);

-- The checks are the last line of defence: no statement, ours or another's, can sell what is not there.
CREATE TABLE stock_items (
  sale_id VARCHAR(64) NOT NULL,
  id VARCHAR(64) NOT NULL,
  position INTEGER NOT NULL,
  title VARCHAR(200) NOT NULL,
  total BIGINT NOT NULL,
  remaining BIGINT NOT NULL,
  PRIMARY KEY (sale_id, id),
  CHECK (remaining >= 0),
  CHECK (remaining <= total)
);

-- state: held, sold, released; changed only by conditional updates. slot: 0, 1, 2… among the live reservations of one user,
-- NULL once released, so that two that were made at the same moment collide. expires_at_ms: only while held.
CREATE TABLE stock_reservations (
  id VARCHAR(32) NOT NULL PRIMARY KEY,
  sale_id VARCHAR(64) NOT NULL,
  item_id VARCHAR(64) NOT NULL,
  open_id VARCHAR(64) NOT NULL,
  quantity INTEGER NOT NULL,
  state VARCHAR(16) NOT NULL,
  slot INTEGER,
  request_key VARCHAR(64) NOT NULL,
  reason VARCHAR(16),
  created_at_ms BIGINT NOT NULL,
  expires_at_ms BIGINT,
  ended_at_ms BIGINT
);
CREATE UNIQUE INDEX stock_reservations_slot ON stock_reservations (sale_id, open_id, slot);
CREATE UNIQUE INDEX stock_reservations_request ON stock_reservations (sale_id, open_id, request_key);
CREATE INDEX stock_reservations_created ON stock_reservations (sale_id, created_at_ms);
CREATE INDEX stock_reservations_expires ON stock_reservations (expires_at_ms);
