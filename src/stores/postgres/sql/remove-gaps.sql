-- Removes gaps of a sequence, which this transaction has locked.
-- $1 prefix key, $2 period, $3 their first values
DELETE FROM gaps WHERE prefix_key = $1 AND period = $2 AND first = ANY ($3::numeric[])
