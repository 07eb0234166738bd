-- How far these sequences of the ledger have changed.
-- $1 prefix keys, $2 periods: arrays of the same length
SELECT prefix_key, period, value, changes, floor FROM ledger_sequences
JOIN unnest($1::text[], $2::text[]) AS wanted (prefix_key, period) USING (prefix_key, period)
