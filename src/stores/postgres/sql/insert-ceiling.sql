-- Enters a sequence that has no entry yet. Waits for a transaction that is entering the same one.
-- $1 prefix key, $2 period, $3 epoch, $4 server, $5 ceiling, $6 base,
-- $7 $8 $9 value, changes and digest of the gaps of the account, which has none
-- $10 where the sequence begins; null: not known
-- Returns a row, or none when there is an entry.
INSERT INTO ceilings (prefix_key, period, epoch, server, ceiling, base, account_value, account_changes, account_digest,
  origin)
VALUES ($1, $2, $3::numeric, $4, $5::numeric, $6::numeric, $7::numeric, $8::bigint, $9, $10::numeric)
ON CONFLICT (prefix_key, period) DO NOTHING
RETURNING epoch
