-- Writes down who has begun reservations, and forgets a few whose time is over.
-- $1 ids of reservations, $2 their holders: arrays of the same length
WITH gone AS (
  DELETE FROM reservation_holders WHERE id IN (
    SELECT id FROM reservation_holders WHERE expires_at <= statement_timestamp()
    ORDER BY expires_at LIMIT 10 FOR UPDATE SKIP LOCKED
  )
)
INSERT INTO reservation_holders (id, holder, expires_at)
SELECT id, holder, expires_at
FROM unnest($1::uuid[], $2::text[]) AS held (id, holder) JOIN reservations USING (id)
ON CONFLICT (id) DO NOTHING
