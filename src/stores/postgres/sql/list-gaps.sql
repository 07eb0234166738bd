-- The gaps of the accounts of sequences, by their first value.
-- $1 prefix keys, $2 periods: arrays of the same length
-- Returns them with the position of the sequence in the arrays (from 1).
SELECT wanted.position, gaps.first, gaps.last, gaps.reason, gaps.node,
  round(extract(epoch FROM gaps.recorded_at) * 1000)::text AS recorded_at_ms
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS wanted (prefix_key, period, position)
JOIN gaps USING (prefix_key, period)
ORDER BY wanted.position, gaps.first
