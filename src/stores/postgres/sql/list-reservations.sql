-- Reservations of a sequence in the order of value, time, id; past their time they are `expired`.
-- $1 prefix key, $2 period, $3 $4 $5 value, time in ms and id of the last one of the page before, $6 how many
SELECT id, prefix_key, period, value, number, subject, reason,
  CASE WHEN state = 'reserved' AND expires_at <= statement_timestamp() THEN 'expired' ELSE state END AS state,
  (extract(epoch FROM reserved_at) * 1000)::bigint AS reserved_at_ms,
  (extract(epoch FROM expires_at) * 1000)::bigint AS expires_at_ms,
  (extract(epoch FROM CASE WHEN state = 'reserved' AND expires_at <= statement_timestamp() THEN expires_at ELSE ended_at END)
    * 1000)::bigint AS ended_at_ms
FROM reservations
WHERE prefix_key = $1 AND period = $2
  AND (value, reserved_at, id) > ($3::numeric, to_timestamp($4::bigint / 1000.0)::timestamptz(3), $5::uuid)
ORDER BY reservations.value, reservations.reserved_at, id LIMIT $6
