-- Enters gaps of sequences, which this transaction has locked, in place of those with the same first value.
-- $1 prefix keys, $2 periods: arrays of the same length
-- $3 JSON array of objects: position of the sequence (from 1), first, last, reason, node (or null), recorded_at_ms
INSERT INTO gaps (prefix_key, period, first, last, reason, node, recorded_at)
SELECT ($1::text[])[position], ($2::text[])[position], first, last, reason, node, to_timestamp(recorded_at_ms / 1000.0)
FROM jsonb_to_recordset($3::jsonb)
  AS gap (position integer, first numeric, last numeric, reason text, node text, recorded_at_ms numeric)
ON CONFLICT (prefix_key, period, first) DO UPDATE
SET last = excluded.last, reason = excluded.reason, node = excluded.node, recorded_at = excluded.recorded_at
