-- Enters an API key, unless its id is taken, or its owner has as many as it may.
-- $1 id, $2 entry, $3 when it expires, ms since 1970; null: never, $4 owner; null: it is not counted, $5 how many the owner may have
-- Returns a row when it was entered.
INSERT INTO api_keys (id, entry, expires_at, owner)
SELECT $1, $2, to_timestamp($3::bigint / 1000.0), $4
WHERE $4::text IS NULL
  OR (SELECT count(*) FROM api_keys WHERE owner = $4 AND removed_at IS NULL) < $5::bigint
ON CONFLICT (id) DO NOTHING
RETURNING id
