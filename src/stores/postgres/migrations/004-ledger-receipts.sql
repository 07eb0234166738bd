-- What is kept of requests on gapless series that came with an idempotency key; see core/receipt.ts.

CREATE TABLE ledger_receipts (
  hash text COLLATE "C" PRIMARY KEY,
  fingerprint text NOT NULL,
  -- By the clock of the node, ms since 1970: it decides when the key may be used anew.
  at_ms bigint NOT NULL,
  period text NOT NULL,
  -- JSON: first and last of each range.
  ranges jsonb NOT NULL,
  series text NOT NULL
);

CREATE INDEX ledger_receipts_age ON ledger_receipts (at_ms);
