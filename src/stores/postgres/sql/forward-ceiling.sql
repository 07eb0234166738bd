-- Moves a sequence's entry forward, or makes one; never back.
-- $1 prefix key, $2 period, $3 epoch, $4 server, $5 ceiling, $6 base
-- Returns what is stored now.
INSERT INTO ceilings AS kept (prefix_key, period, epoch, server, ceiling, base)
VALUES ($1, $2, $3::numeric, $4, $5::numeric, $6::numeric)
ON CONFLICT (prefix_key, period) DO UPDATE SET
  epoch = greatest(kept.epoch, excluded.epoch),
  server = CASE WHEN excluded.epoch > kept.epoch THEN excluded.server ELSE kept.server END,
  ceiling = greatest(kept.ceiling, excluded.ceiling),
  base = greatest(kept.base, excluded.base),
  updated_at = clock_timestamp()
RETURNING epoch, ceiling, base
