-- Finds values that can be taken again, the lowest first, and locks their rows; a reservation that is being confirmed at this
-- moment is waited for, and left out. The caller has locked the sequences.
-- $1 prefix keys, $2 periods, $3 how many of each are wanted: arrays of the same length
SELECT wanted.prefix_key, wanted.period, free.value
FROM unnest($1::text[], $2::text[], $3::int[]) AS wanted (prefix_key, period, count)
CROSS JOIN LATERAL (
  SELECT value FROM ledger
  WHERE ledger.prefix_key = wanted.prefix_key AND ledger.period = wanted.period
    AND free_at <= statement_timestamp()
    AND value > (SELECT floor FROM ledger_sequences AS sequence
      WHERE sequence.prefix_key = wanted.prefix_key AND sequence.period = wanted.period)
  ORDER BY value LIMIT wanted.count
  FOR UPDATE
) AS free
ORDER BY free.value
