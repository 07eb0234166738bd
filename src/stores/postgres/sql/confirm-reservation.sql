-- Makes the value of a reservation final, unless the reservation has ended.
-- $1 id
-- The row of the value is locked first, as whoever takes it again locks it: one of the two comes first, and the other sees it.
WITH kept AS (
  UPDATE ledger SET state = 'confirmed', free_at = NULL, changed_at = statement_timestamp()
  FROM reservations AS of
  WHERE of.id = $1 AND ledger.prefix_key = of.prefix_key AND ledger.period = of.period AND ledger.value = of.value
    AND ledger.reservation = $1 AND ledger.state = 'reserved' AND ledger.free_at > statement_timestamp()
  RETURNING ledger.reservation
)
UPDATE reservations SET state = 'confirmed', ended_at = statement_timestamp()
WHERE id IN (SELECT reservation FROM kept)
