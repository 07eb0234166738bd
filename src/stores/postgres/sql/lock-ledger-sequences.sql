-- Locks sequences of the ledger in the order of their names, so that two calls never wait for each other.
-- $1 prefix keys, $2 periods: arrays of the same length
-- Returns those that have begun: prefix key, period, value, reuses, changes.
SELECT sequence.prefix_key, sequence.period, sequence.value, sequence.reuses, sequence.changes
FROM ledger_sequences AS sequence
JOIN unnest($1::text[], $2::text[]) AS wanted (prefix_key, period) USING (prefix_key, period)
ORDER BY sequence.prefix_key, sequence.period
FOR UPDATE OF sequence
