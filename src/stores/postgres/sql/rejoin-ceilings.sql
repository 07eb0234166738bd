-- Takes a node out of the lists of those that recoveries went on without; waits for a recovery under way.
-- $1 prefix keys, $2 periods: arrays of the same length; $3 node
WITH locked AS (
  SELECT kept.prefix_key, kept.period
  FROM ceilings AS kept
  JOIN unnest($1::text[], $2::text[]) AS wanted (prefix_key, period) USING (prefix_key, period)
  ORDER BY kept.prefix_key, kept.period
  FOR UPDATE OF kept
)
UPDATE ceilings AS kept SET jumped_without = array_remove(kept.jumped_without, $3)
FROM locked WHERE kept.prefix_key = locked.prefix_key AND kept.period = locked.period
