-- Reads everything about sequences and locks them until the transaction ends, in the order of their names: two calls never
-- wait for each other.
-- $1 prefix keys, $2 periods: arrays of the same length
-- Returns those there are, with their position in the arrays (from 1).
SELECT wanted.position, kept.epoch, kept.server, kept.ceiling, kept.base, kept.account_value, kept.account_changes, kept.origin,
  CASE WHEN kept.granted_in = kept.epoch THEN kept.granted_since ELSE kept.epoch END AS granted_since,
  to_json(kept.jumped_without) AS jumped_without
FROM ceilings AS kept
JOIN unnest($1::text[], $2::text[]) WITH ORDINALITY AS wanted (prefix_key, period, position) USING (prefix_key, period)
ORDER BY kept.prefix_key, kept.period
FOR UPDATE OF kept
