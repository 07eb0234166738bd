-- Removes an API key for good.
-- $1 id
-- Returns a row when it was there.
UPDATE api_keys SET entry = NULL, removed_at = clock_timestamp()
WHERE id = $1 AND removed_at IS NULL
RETURNING id
