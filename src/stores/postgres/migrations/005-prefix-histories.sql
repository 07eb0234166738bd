-- What prefixes were before, for as long as their counters are kept: also of those that were removed.

CREATE TABLE prefix_histories (
  prefix_key text COLLATE "C" PRIMARY KEY,
  history text NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
