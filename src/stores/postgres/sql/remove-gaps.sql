-- Removes gaps of sequences, which this transaction has locked.
-- $1 prefix keys, $2 periods, $3 first values: arrays of the same length, one element per gap
DELETE FROM gaps USING unnest($1::text[], $2::text[], $3::numeric[]) AS gone (prefix_key, period, first)
WHERE gaps.prefix_key = gone.prefix_key AND gaps.period = gone.period AND gaps.first = gone.first
