-- The receipts under these hashes, also those that have expired.
-- $1 hashes
SELECT hash, fingerprint, at_ms, period, ranges, series FROM ledger_receipts WHERE hash = ANY($1::text[])
