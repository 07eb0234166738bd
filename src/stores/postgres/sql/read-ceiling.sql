-- Reads a sequence's epoch and ceiling, and where it began; waits for a recovery under way.
-- $1 prefix key, $2 period
SELECT epoch, ceiling, origin FROM ceilings WHERE prefix_key = $1 AND period = $2 FOR SHARE
