-- Lets one call at a time use each of these idempotency keys, until its transaction ends. The caller has locked its sequences.
-- $1 hashes
SELECT pg_advisory_xact_lock(hashtextextended(hash, 0))
FROM (SELECT hash FROM unnest($1::text[]) AS hash ORDER BY hash) AS wanted
