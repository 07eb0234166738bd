-- Raises ceilings where that changes no gap: the usual case, one trip and one commit.
-- arrays of the same length: $1 prefix keys, $2 periods, $3 epochs, $4 the ceilings the caller knows, $5 the new ceilings,
-- $6 the new bases, $7 $8 $9 value, changes and digest of the gaps of the account; null without one
-- $10 where the sequence began; null or lower than what is stored: unchanged (greatest passes over null)
-- Returns position (from 1) and the ceiling now in force; no row where epoch or ceiling do not fit, or the gaps have to be replaced.
-- The rows are locked in the order of their names, so that two calls never wait for each other.
-- Row comparison is by value, then by changes. The conditions are checked again on a row that was changed meanwhile.
WITH wanted AS (
  SELECT * FROM unnest($1::text[], $2::text[], $3::numeric[], $4::numeric[], $5::numeric[], $6::numeric[],
    $7::numeric[], $8::bigint[], $9::text[], $10::numeric[]) WITH ORDINALITY
    AS wanted (prefix_key, period, epoch, known, ceiling, base, value, changes, digest, origin, position)
), locked AS (
  SELECT wanted.*
  FROM ceilings AS kept JOIN wanted USING (prefix_key, period)
  ORDER BY kept.prefix_key, kept.period
  FOR UPDATE OF kept
)
UPDATE ceilings AS kept SET
  ceiling = greatest(kept.ceiling, raise.ceiling),
  base = greatest(kept.base, raise.base),
  account_value = CASE
    WHEN account_value IS NULL OR (raise.value, raise.changes) > (account_value, account_changes) THEN raise.value
    ELSE account_value END,
  account_changes = CASE
    WHEN account_value IS NULL OR (raise.value, raise.changes) > (account_value, account_changes) THEN raise.changes
    ELSE account_changes END,
  origin = greatest(kept.origin, raise.origin),
  updated_at = clock_timestamp()
FROM locked AS raise
WHERE kept.prefix_key = raise.prefix_key AND kept.period = raise.period
  AND kept.epoch = raise.epoch AND kept.ceiling >= raise.known
  AND (raise.value IS NULL OR account_digest = raise.digest
    OR (raise.value, raise.changes) <= (account_value, account_changes))
RETURNING raise.position, kept.ceiling
