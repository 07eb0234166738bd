-- Rows of a sequence in rising order; what was reserved and is past its time is `void`.
-- $1 prefix key, $2 period, $3 the last value of the page before, $4 how many
SELECT value, number, subject, key_hash, reservation,
  CASE WHEN state = 'reserved' AND free_at <= statement_timestamp() THEN 'void' ELSE state END AS state,
  (extract(epoch FROM taken_at) * 1000)::bigint AS taken_at_ms,
  (extract(epoch FROM CASE WHEN state = 'reserved' AND free_at <= statement_timestamp() THEN free_at ELSE changed_at END)
    * 1000)::bigint AS changed_at_ms
FROM ledger
WHERE prefix_key = $1 AND period = $2 AND value > $3::numeric
ORDER BY value LIMIT $4
