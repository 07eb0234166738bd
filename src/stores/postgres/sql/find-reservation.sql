-- One reservation as it is now; past its time it is `expired`, though nobody has taken its value again.
-- $1 id
SELECT id, prefix_key, period, value, number, subject, reason,
  CASE WHEN state = 'reserved' AND expires_at <= statement_timestamp() THEN 'expired' ELSE state END AS state,
  (extract(epoch FROM reserved_at) * 1000)::bigint AS reserved_at_ms,
  (extract(epoch FROM expires_at) * 1000)::bigint AS expires_at_ms,
  (extract(epoch FROM CASE WHEN state = 'reserved' AND expires_at <= statement_timestamp() THEN expires_at ELSE ended_at END)
    * 1000)::bigint AS ended_at_ms
FROM reservations WHERE id = $1
