-- Writes what the rule made of a sequence's entry, which this transaction has locked.
-- $1 prefix key, $2 period, $3 epoch, $4 server, $5 ceiling, $6 base, $7 $8 value and changes of the account,
-- $9 digest of its gaps, $10 where the sequence began; null: unchanged
UPDATE ceilings SET epoch = $3::numeric, server = $4, ceiling = $5::numeric, base = $6::numeric,
  account_value = $7::numeric, account_changes = $8::bigint, account_digest = coalesce($9, account_digest),
  origin = coalesce($10::numeric, origin),
  updated_at = clock_timestamp()
WHERE prefix_key = $1 AND period = $2
