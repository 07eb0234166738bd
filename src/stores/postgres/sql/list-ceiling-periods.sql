-- The periods of a prefix that have a ceiling, in rising order.
-- $1 prefix key, $2 the last one of the page before; null for the first page, $3 how many
SELECT period FROM ceilings
WHERE prefix_key = $1 AND ($2::text IS NULL OR period > $2)
ORDER BY period LIMIT $3
