-- Locks the sequence of a reservation, as whoever takes values does, before anything else of it is touched.
-- $1 id
-- Returns prefix key, period, value, changes; no row when there is no such reservation.
SELECT sequence.prefix_key, sequence.period, sequence.value, sequence.changes
FROM ledger_sequences AS sequence JOIN reservations USING (prefix_key, period)
WHERE reservations.id = $1
FOR UPDATE OF sequence
