-- How far sequences of the ledger have changed, in the order of their names.
-- $1 $2 prefix key and period of the last one of the page before, $3 how many
SELECT prefix_key, period, value, changes, floor FROM ledger_sequences
WHERE (prefix_key, period) > ($1, $2)
ORDER BY prefix_key, period LIMIT $3
