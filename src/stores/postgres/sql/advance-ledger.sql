-- Moves a sequence, which the caller has locked, forward: what it passes over is lost, and nothing up to there is handed out again.
-- $1 prefix key, $2 period, $3 first value passed over, $4 the value after which counting goes on, $5 reason, $6 subject,
-- $7 by how much its changes rise
-- Returns the changes of the sequence.
WITH lost AS (
  INSERT INTO ledger_lost (prefix_key, period, first, last, reason, subject)
  VALUES ($1, $2, $3::numeric, $4::numeric, $5, $6)
)
UPDATE ledger_sequences SET value = $4::numeric, floor = $4::numeric, changes = changes + $7::int
WHERE prefix_key = $1 AND period = $2
RETURNING changes
