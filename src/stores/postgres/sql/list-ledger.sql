-- Rows of a sequence in rising order, among them the ranges that are lost; what was reserved and is past its time is `void`, or `lost`
-- when the sequence was moved past it.
-- $1 prefix key, $2 period, $3 the value of the last row of the page before, $4 how many
(
  SELECT ledger.value, NULL::numeric AS last, number, subject, key_hash, reservation, NULL AS reason,
    CASE WHEN free_at IS NULL OR free_at > statement_timestamp() THEN state WHEN ledger.value > sequence.floor THEN 'void' ELSE 'lost' END AS state,
    (extract(epoch FROM taken_at) * 1000)::bigint AS taken_at_ms,
    (extract(epoch FROM CASE WHEN state = 'reserved' AND free_at <= statement_timestamp() THEN free_at ELSE changed_at END)
      * 1000)::bigint AS changed_at_ms
  FROM ledger, (SELECT floor FROM ledger_sequences WHERE prefix_key = $1 AND period = $2) AS sequence
  WHERE ledger.prefix_key = $1 AND ledger.period = $2 AND ledger.value > $3::numeric
  ORDER BY ledger.value LIMIT $4
) UNION ALL (
  SELECT first, last, '', subject, NULL, NULL, reason, 'lost',
    (extract(epoch FROM lost_at) * 1000)::bigint, (extract(epoch FROM lost_at) * 1000)::bigint
  FROM ledger_lost
  WHERE prefix_key = $1 AND period = $2 AND first > $3::numeric
  ORDER BY first LIMIT $4
)
ORDER BY value LIMIT $4
