-- Lets a sequence that went back be served again: its changes are lifted to what was known, once it was moved past every value that was.
-- $1 prefix key, $2 period, $3 the changes that were known, $4 the highest value that was
-- Returns a row when it is so.
UPDATE ledger_sequences SET changes = greatest(changes, $3::bigint)
WHERE prefix_key = $1 AND period = $2 AND floor >= $4::numeric
RETURNING changes
