-- The gaps of a sequence's account, by their first value.
-- $1 prefix key, $2 period
SELECT first, last, reason, node, round(extract(epoch FROM recorded_at) * 1000)::text AS recorded_at_ms
FROM gaps WHERE prefix_key = $1 AND period = $2 ORDER BY gaps.first
