-- Reads a sequence's epoch and ceiling; waits for a recovery under way.
-- $1 prefix key, $2 period
SELECT epoch, ceiling FROM ceilings WHERE prefix_key = $1 AND period = $2 FOR SHARE
