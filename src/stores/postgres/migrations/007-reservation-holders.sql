-- Who has reservations open, so that a caller has no more than its share of a prefix. One row for each that is open; those of earlier
-- versions, and those whose time is over, need none.

CREATE TABLE reservation_holders (
  id uuid PRIMARY KEY,
  -- Hash of prefix and caller.
  holder text COLLATE "C" NOT NULL,
  expires_at timestamptz NOT NULL
);

CREATE INDEX reservation_holders_of ON reservation_holders (holder, expires_at);
CREATE INDEX reservation_holders_age ON reservation_holders (expires_at);
