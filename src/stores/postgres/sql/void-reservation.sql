-- Frees the value of a reservation, unless the reservation has ended.
-- $1 id, $2 reason
-- The caller has locked the sequence, as for confirm-reservation.
WITH freed AS (
  UPDATE ledger SET state = 'void', free_at = '-infinity', changed_at = statement_timestamp()
  FROM reservations AS of
  WHERE of.id = $1 AND ledger.prefix_key = of.prefix_key AND ledger.period = of.period AND ledger.value = of.value
    AND ledger.reservation = $1 AND ledger.state = 'reserved' AND ledger.free_at > statement_timestamp()
  RETURNING ledger.reservation
), released AS (
  DELETE FROM reservation_holders WHERE id IN (SELECT reservation FROM freed)
), touched AS (
  UPDATE ledger_sequences AS sequence SET changes = changes + 1
  FROM reservations AS of
  WHERE of.id = $1 AND sequence.prefix_key = of.prefix_key AND sequence.period = of.period
)
UPDATE reservations SET state = 'void', ended_at = statement_timestamp(), reason = $2
WHERE id IN (SELECT reservation FROM freed)
