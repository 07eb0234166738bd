-- How far each sequence may have counted, what was not issued of it, the nodes that count, and a copy of the prefix configs.
-- Values are numeric(20, 0): they go to 2^64 - 1, and bigint only to 2^63 - 1. Keys are ordered as the service orders them, by code unit.

CREATE TABLE ceilings (
  prefix_key text COLLATE "C" NOT NULL,
  period text COLLATE "C" NOT NULL,
  epoch numeric(20, 0) NOT NULL,
  -- Identity of the counter store's server that counts in this epoch.
  server text NOT NULL,
  ceiling numeric(20, 0) NOT NULL,
  base numeric(20, 0) NOT NULL,
  account_value numeric(20, 0),
  account_changes bigint,
  -- Of the gaps of the account, so that a raise that changes none of them is one statement.
  account_digest text,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (prefix_key, period)
);

CREATE TABLE gaps (
  prefix_key text COLLATE "C" NOT NULL,
  period text COLLATE "C" NOT NULL,
  first numeric(20, 0) NOT NULL,
  last numeric(20, 0) NOT NULL,
  reason text NOT NULL,
  node text,
  recorded_at timestamptz NOT NULL,
  PRIMARY KEY (prefix_key, period, first)
);

CREATE TABLE nodes (
  node text COLLATE "C" PRIMARY KEY,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE prefix_configs (
  prefix_key text COLLATE "C" PRIMARY KEY,
  version bigint NOT NULL,
  config text NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
