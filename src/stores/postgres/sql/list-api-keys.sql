-- One page of the API keys in the order of their ids, without those that were removed.
-- $1 the id before the page, $2 how many at most
SELECT id, entry FROM api_keys WHERE id > $1 AND entry IS NOT NULL ORDER BY id LIMIT $2::int
