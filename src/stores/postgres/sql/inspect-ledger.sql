-- Where a sequence stands, and what of it can be taken again.
-- $1 prefix key, $2 period, $3 the highest value that can be taken
-- Returns value, free, lowest_free; no row when it has not begun.
SELECT sequence.value, count(free.value) AS free, min(free.value) AS lowest_free
FROM ledger_sequences AS sequence
LEFT JOIN ledger AS free ON free.prefix_key = sequence.prefix_key AND free.period = sequence.period
  AND free.free_at <= statement_timestamp() AND free.value > sequence.floor AND free.value <= $3
WHERE sequence.prefix_key = $1 AND sequence.period = $2
GROUP BY sequence.value
