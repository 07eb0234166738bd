-- Closures of periods, so that one that was closed stays so when Redis is emptied or set back.

CREATE TABLE closures (
  prefix_key text COLLATE "C" NOT NULL,
  period text COLLATE "C" NOT NULL,
  -- JSON: reason, time, who did it.
  closure text NOT NULL,
  PRIMARY KEY (prefix_key, period)
);
