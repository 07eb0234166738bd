-- Gapless series: where each sequence stands, one row for each value, every reservation there was, and what calls have done.

CREATE TABLE ledger_sequences (
  prefix_key text COLLATE "C" NOT NULL,
  period text COLLATE "C" NOT NULL,
  -- The highest value taken so far. Whoever takes values locks this row first.
  value numeric(20, 0) NOT NULL,
  -- Whether values below it may have become free again, so that it is worth looking for them.
  reuses boolean NOT NULL DEFAULT false,
  PRIMARY KEY (prefix_key, period)
);

CREATE TABLE ledger (
  prefix_key text COLLATE "C" NOT NULL,
  period text COLLATE "C" NOT NULL,
  value numeric(20, 0) NOT NULL,
  number text NOT NULL,
  state text NOT NULL CHECK (state IN ('issued', 'reserved', 'confirmed', 'void')),
  -- From when on the value can be taken again: the end of a reservation; -infinity once it was voided, also for a clock that
  -- was set back; null when it is final.
  free_at timestamptz CHECK ((free_at IS NULL) = (state IN ('issued', 'confirmed'))),
  taken_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL,
  subject text,
  key_hash text,
  reservation uuid,
  PRIMARY KEY (prefix_key, period, value)
);

CREATE INDEX ledger_free ON ledger (prefix_key, period, free_at) WHERE free_at IS NOT NULL;

CREATE TABLE reservations (
  id uuid PRIMARY KEY,
  prefix_key text COLLATE "C" NOT NULL,
  period text COLLATE "C" NOT NULL,
  value numeric(20, 0) NOT NULL,
  number text NOT NULL,
  -- `expired` is written when the value is taken again; until then the time says it.
  state text NOT NULL CHECK (state IN ('reserved', 'confirmed', 'void', 'expired')),
  subject text,
  -- In milliseconds, as they are listed.
  reserved_at timestamptz(3) NOT NULL,
  expires_at timestamptz(3) NOT NULL,
  ended_at timestamptz(3),
  reason text
);

CREATE INDEX reservations_of_value ON reservations (prefix_key, period, value, reserved_at, id);

-- A call that was answered by nobody finds out here whether it was done.
CREATE TABLE ledger_operations (
  operation uuid PRIMARY KEY,
  -- What was given to whom; null when it must not, or no longer, be done.
  answers jsonb,
  done_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX ledger_operations_age ON ledger_operations (done_at);
