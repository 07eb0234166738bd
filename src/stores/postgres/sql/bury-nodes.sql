-- Strikes out the nodes that have not registered for an hour; what they may have issued lies below the ceilings.
-- Returns their names. Locks nodes before sequences: of two that bury at once the second finds nobody left.
WITH buried AS (
  DELETE FROM nodes WHERE seen_at < clock_timestamp() - interval '1 hour' RETURNING node
), moved AS (
  UPDATE ceilings SET base = ceiling, updated_at = clock_timestamp()
  WHERE base < ceiling AND EXISTS (SELECT FROM buried)
)
SELECT node FROM buried ORDER BY node
