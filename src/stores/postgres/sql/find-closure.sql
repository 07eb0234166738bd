-- Reads the closure of a sequence.
-- $1 prefix key, $2 period
-- Returns a row when it is closed.
SELECT closure FROM closures WHERE prefix_key = $1 AND period = $2
