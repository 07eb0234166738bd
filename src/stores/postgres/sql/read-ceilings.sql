-- Reads epochs and ceilings of sequences, and where they began; waits for a recovery under way.
-- $1 prefix keys, $2 periods: arrays of the same length; $3 a node, or null
-- Returns position (from 1), epoch, ceiling, origin of those there are, and whether a recovery went on without the node.
-- Locked in the order of their names, as they are raised.
SELECT wanted.position, kept.epoch, kept.ceiling, kept.origin, $3 = ANY (kept.jumped_without) AS left_behind
FROM ceilings AS kept
JOIN unnest($1::text[], $2::text[]) WITH ORDINALITY AS wanted (prefix_key, period, position) USING (prefix_key, period)
ORDER BY kept.prefix_key, kept.period
FOR SHARE OF kept
