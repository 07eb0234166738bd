-- Writes what the rule made of the entries of sequences, which this transaction has locked.
-- arrays of the same length: $1 prefix keys, $2 periods, $3 epochs, $4 servers, $5 ceilings, $6 bases, $7 $8 values and
-- changes of the accounts, $9 digests of their gaps, $10 where the sequences began; null: unchanged; $11 since which epochs all were
-- granted to that server; $12 JSON arrays of the nodes that recoveries went on without
UPDATE ceilings AS kept SET
  epoch = entry.epoch, server = entry.server, ceiling = entry.ceiling, base = entry.base,
  account_value = entry.value, account_changes = entry.changes,
  account_digest = coalesce(entry.digest, kept.account_digest),
  origin = coalesce(entry.origin, kept.origin),
  granted_since = entry.granted_since, granted_in = entry.epoch,
  jumped_without = ARRAY(SELECT json_array_elements_text(entry.jumped_without::json)),
  updated_at = clock_timestamp()
FROM unnest($1::text[], $2::text[], $3::numeric[], $4::text[], $5::numeric[], $6::numeric[], $7::numeric[], $8::bigint[],
  $9::text[], $10::numeric[], $11::numeric[], $12::text[])
  AS entry (prefix_key, period, epoch, server, ceiling, base, value, changes, digest, origin, granted_since, jumped_without)
WHERE kept.prefix_key = entry.prefix_key AND kept.period = entry.period
