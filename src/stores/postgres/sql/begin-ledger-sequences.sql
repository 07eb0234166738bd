-- Enters sequences that have not begun. The caller locks them afterwards: somebody else may have been first.
-- $1 prefix keys, $2 periods, $3 the values before the first: arrays of the same length
INSERT INTO ledger_sequences (prefix_key, period, value)
SELECT prefix_key, period, value
FROM unnest($1::text[], $2::text[], $3::numeric[]) AS wanted (prefix_key, period, value)
ORDER BY prefix_key, period
ON CONFLICT (prefix_key, period) DO NOTHING
