-- The lost range that a value lies in.
-- $1 prefix key, $2 period, $3 value
SELECT first AS value, last, '' AS number, subject, NULL AS key_hash, NULL AS reservation, reason, 'lost' AS state,
  (extract(epoch FROM lost_at) * 1000)::bigint AS taken_at_ms, (extract(epoch FROM lost_at) * 1000)::bigint AS changed_at_ms
FROM ledger_lost
WHERE prefix_key = $1 AND period = $2 AND first <= $3::numeric AND last >= $3::numeric
