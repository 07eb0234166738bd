-- Strikes out the nodes that have not registered for an hour; what they may have issued lies below the ceilings.
-- Returns their names. Locks nodes before sequences: of two that bury at once the second finds nobody left. Locks sequences in
-- the order of their names, as those do that raise them.
WITH buried AS (
  DELETE FROM nodes WHERE seen_at < clock_timestamp() - interval '1 hour' RETURNING node
), locked AS (
  SELECT prefix_key, period FROM ceilings
  WHERE base < ceiling AND EXISTS (SELECT FROM buried)
  ORDER BY prefix_key, period
  FOR UPDATE
), moved AS (
  UPDATE ceilings AS kept SET base = ceiling, updated_at = clock_timestamp()
  FROM locked WHERE kept.prefix_key = locked.prefix_key AND kept.period = locked.period
)
SELECT node FROM buried ORDER BY node
