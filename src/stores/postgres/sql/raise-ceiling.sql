-- Raises a ceiling where that changes no gap: the usual case, one trip and one commit.
-- $1 prefix key, $2 period, $3 epoch, $4 the ceiling the caller knows, $5 the new ceiling, $6 the new base,
-- $7 $8 $9 value, changes and digest of the gaps of the account; null without one
-- $10 where the sequence began; null or lower than what is stored: unchanged (greatest passes over null)
-- Returns the ceiling now in force; no row when epoch or ceiling do not fit, or the gaps have to be replaced.
-- Row comparison is by value, then by changes. The conditions are checked again on a row that was changed meanwhile.
UPDATE ceilings SET
  ceiling = greatest(ceiling, $5::numeric),
  base = greatest(base, $6::numeric),
  account_value = CASE
    WHEN account_value IS NULL OR ($7::numeric, $8::bigint) > (account_value, account_changes) THEN $7::numeric
    ELSE account_value END,
  account_changes = CASE
    WHEN account_value IS NULL OR ($7::numeric, $8::bigint) > (account_value, account_changes) THEN $8::bigint
    ELSE account_changes END,
  origin = greatest(origin, $10::numeric),
  updated_at = clock_timestamp()
WHERE prefix_key = $1 AND period = $2 AND epoch = $3::numeric AND ceiling >= $4::numeric
  AND ($7::numeric IS NULL OR account_digest = $9 OR ($7::numeric, $8::bigint) <= (account_value, account_changes))
RETURNING ceiling
