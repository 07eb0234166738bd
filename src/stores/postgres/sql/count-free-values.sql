-- How many values of a sequence can be taken again.
-- $1 prefix key, $2 period
SELECT count(*) AS free
FROM ledger JOIN ledger_sequences AS sequence USING (prefix_key, period)
WHERE ledger.prefix_key = $1 AND ledger.period = $2 AND free_at <= statement_timestamp() AND ledger.value > sequence.floor
