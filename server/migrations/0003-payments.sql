-- Orders of WeChat Pay, what was paid and refunded, and whom it was told. Money is in fen.

-- state: unpaid, paid, closed, refunding, refunded; changed only by conditional updates. refundable_fen is what no
-- refund has laid claim to yet. next_check_at_ms: when WeChat Pay is asked next; NULL once there is nothing to ask.
CREATE TABLE pay_orders (
  out_trade_no VARCHAR(32) NOT NULL PRIMARY KEY,
  state VARCHAR(16) NOT NULL,
  open_id VARCHAR(128) NOT NULL,
  description TEXT NOT NULL,
  attach TEXT NOT NULL,
  total_fen BIGINT NOT NULL,
  refundable_fen BIGINT NOT NULL,
  refunded_fen BIGINT NOT NULL,
  notify_url TEXT NOT NULL,
  function_name VARCHAR(128) NOT NULL,
  transaction_id VARCHAR(64),
  created_at_ms BIGINT NOT NULL,
  placed_at_ms BIGINT NOT NULL,
  expires_at_ms BIGINT NOT NULL,
  paid_at_ms BIGINT,
  check_step INTEGER NOT NULL,
  next_check_at_ms BIGINT
);
CREATE UNIQUE INDEX pay_orders_transaction_id ON pay_orders (transaction_id);
CREATE INDEX pay_orders_next_check_at_ms ON pay_orders (next_check_at_ms);
CREATE INDEX pay_orders_created_at_ms ON pay_orders (created_at_ms);
CREATE INDEX pay_orders_paid_at_ms ON pay_orders (paid_at_ms);

-- state: asked (the answer is not known), processing, abnormal, success, closed, refused.
CREATE TABLE pay_refunds (
  out_refund_no VARCHAR(64) NOT NULL PRIMARY KEY,
  out_trade_no VARCHAR(32) NOT NULL,
  state VARCHAR(16) NOT NULL,
  refund_fen BIGINT NOT NULL,
  reason TEXT NOT NULL,
  notify_url TEXT NOT NULL,
  function_name VARCHAR(128) NOT NULL,
  refund_id VARCHAR(64),
  created_at_ms BIGINT NOT NULL,
  billed_on VARCHAR(10),
  check_step INTEGER NOT NULL,
  next_check_at_ms BIGINT
);
CREATE INDEX pay_refunds_out_trade_no ON pay_refunds (out_trade_no);
CREATE INDEX pay_refunds_next_check_at_ms ON pay_refunds (next_check_at_ms);
CREATE INDEX pay_refunds_created_at_ms ON pay_refunds (created_at_ms);

-- The ledger: one row for each movement of money, never changed. The id is made from WeChat Pay's own number, so that
-- the same movement cannot be entered twice. fen is negative for a refund.
CREATE TABLE pay_entries (
  id VARCHAR(80) NOT NULL PRIMARY KEY,
  out_trade_no VARCHAR(32) NOT NULL,
  out_refund_no VARCHAR(64),
  fen BIGINT NOT NULL,
  source VARCHAR(16) NOT NULL,
  at_ms BIGINT NOT NULL
);
CREATE INDEX pay_entries_out_trade_no ON pay_entries (out_trade_no);
CREATE INDEX pay_entries_at_ms ON pay_entries (at_ms);

-- Notifications that were acted on: WeChat Pay repeats them until it believes us.
CREATE TABLE pay_notices (
  id VARCHAR(64) NOT NULL PRIMARY KEY,
  subject VARCHAR(64) NOT NULL,
  received_at_ms BIGINT NOT NULL
);
CREATE INDEX pay_notices_received_at_ms ON pay_notices (received_at_ms);

-- Results that functions still have to be told. state: waiting, done, given-up.
CREATE TABLE pay_deliveries (
  id VARCHAR(80) NOT NULL PRIMARY KEY,
  function_name VARCHAR(128) NOT NULL,
  event TEXT NOT NULL,
  state VARCHAR(16) NOT NULL,
  tries INTEGER NOT NULL,
  next_try_at_ms BIGINT,
  last_problem TEXT,
  created_at_ms BIGINT NOT NULL
);
CREATE INDEX pay_deliveries_next_try_at_ms ON pay_deliveries (next_try_at_ms);

-- Where our books and WeChat Pay's do not say the same; a person has to look.
CREATE TABLE pay_findings (
  id VARCHAR(128) NOT NULL PRIMARY KEY,
  kind VARCHAR(32) NOT NULL,
  subject VARCHAR(64) NOT NULL,
  ours_fen BIGINT,
  theirs_fen BIGINT,
  found_at_ms BIGINT NOT NULL
);
CREATE INDEX pay_findings_found_at_ms ON pay_findings (found_at_ms);

-- Days whose bill was compared.
CREATE TABLE pay_bills (
  bill_date VARCHAR(10) NOT NULL PRIMARY KEY,
  bill_lines INTEGER NOT NULL,
  differences INTEGER NOT NULL,
  compared_at_ms BIGINT NOT NULL
);
