-- How many reservations callers have open. The caller has locked their sequences.
-- $1 hashes of prefix and caller
-- Returns for each that has any: holder, held.
SELECT holder, count(*) AS held
FROM reservation_holders
WHERE holder = ANY ($1::text[]) AND expires_at > statement_timestamp()
GROUP BY holder
