-- Which node may make snowflake ids under which worker id, and up to which time each was used.

CREATE TABLE worker_leases (
  data_centre smallint NOT NULL,
  worker smallint NOT NULL,
  -- Null: given up.
  holder text,
  leased_until timestamptz NOT NULL,
  -- By the clocks of the nodes, ms since 1970: no id made under this worker id carries a later time.
  bound_ms bigint NOT NULL,
  PRIMARY KEY (data_centre, worker)
);
