-- Keeps receipts, in the place of expired ones under the same hashes, and deletes a few others that have expired.
-- $1 JSON array of objects: hash, fingerprint, at_ms, period, ranges, series
-- $2 receipts of that time (ms since 1970) and earlier ones have expired
WITH expired AS (
  DELETE FROM ledger_receipts WHERE hash IN (
    SELECT hash FROM ledger_receipts
    WHERE at_ms <= $2::bigint AND hash NOT IN (SELECT receipt ->> 'hash' FROM jsonb_array_elements($1::jsonb) AS receipt)
    ORDER BY at_ms LIMIT 10 FOR UPDATE SKIP LOCKED
  )
)
INSERT INTO ledger_receipts (hash, fingerprint, at_ms, period, ranges, series)
SELECT hash, fingerprint, at_ms, period, ranges, series
FROM jsonb_to_recordset($1::jsonb)
  AS receipt (hash text, fingerprint text, at_ms bigint, period text, ranges jsonb, series text)
ON CONFLICT (hash) DO UPDATE SET
  fingerprint = excluded.fingerprint, at_ms = excluded.at_ms, period = excluded.period, ranges = excluded.ranges,
  series = excluded.series
