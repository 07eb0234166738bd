-- What tells a ledger that went back from one that goes on, and what of a series was given up by moving it forward.

ALTER TABLE ledger_sequences
  -- Rises with every transaction that touches the sequence.
  ADD COLUMN changes bigint NOT NULL DEFAULT 0,
  -- Where an operator has moved the sequence to: values up to it are never handed out again, though they come free.
  ADD COLUMN floor numeric(20, 0) NOT NULL DEFAULT 0;

-- Ranges that the ledger has no rows of, for an operator has passed them over.
CREATE TABLE ledger_lost (
  prefix_key text COLLATE "C" NOT NULL,
  period text COLLATE "C" NOT NULL,
  first numeric(20, 0) NOT NULL,
  last numeric(20, 0) NOT NULL,
  reason text NOT NULL,
  -- Of the token of who did it.
  subject text,
  lost_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (prefix_key, period, first)
);
