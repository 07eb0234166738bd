-- Makes the value of a reservation final, unless the reservation has ended.
-- $1 id
-- The caller has locked the sequence, as whoever takes the value again does: one of the two comes first, and the other sees it.
WITH kept AS (
  UPDATE ledger SET state = 'confirmed', free_at = NULL, changed_at = statement_timestamp()
  FROM reservations AS of
  WHERE of.id = $1 AND ledger.prefix_key = of.prefix_key AND ledger.period = of.period AND ledger.value = of.value
    AND ledger.reservation = $1 AND ledger.state = 'reserved' AND ledger.free_at > statement_timestamp()
  RETURNING ledger.reservation
), released AS (
  DELETE FROM reservation_holders WHERE id IN (SELECT reservation FROM kept)
), touched AS (
  UPDATE ledger_sequences AS sequence SET changes = changes + 1
  FROM reservations AS of
  WHERE of.id = $1 AND sequence.prefix_key = of.prefix_key AND sequence.period = of.period
)
UPDATE reservations SET state = 'confirmed', ended_at = statement_timestamp()
WHERE id IN (SELECT reservation FROM kept)
