-- Removes the API keys of an owner that are over: they make room.
-- $1 owner, $2 the time, ms since 1970
UPDATE api_keys SET entry = NULL, removed_at = clock_timestamp()
WHERE owner = $1 AND removed_at IS NULL AND expires_at <= to_timestamp($2::bigint / 1000.0)
