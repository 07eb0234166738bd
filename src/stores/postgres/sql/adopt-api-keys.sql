-- Takes in API keys that stood in Redis alone. One that was removed stays so.
-- $1 ids, $2 entries, $3 when they expire, ms since 1970; null: never. Arrays of the same length
INSERT INTO api_keys (id, entry, expires_at)
SELECT id, entry, to_timestamp(expires_at_ms / 1000.0)
FROM unnest($1::text[], $2::text[], $3::bigint[]) AS found (id, entry, expires_at_ms)
ON CONFLICT (id) DO NOTHING
