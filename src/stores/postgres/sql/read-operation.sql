-- What a call has done.
-- $1 operation
-- Returns its answers (null: it was cancelled), and of its reservations when they end, by id, in ms; no row when it is not known.
SELECT answers, (
  SELECT json_object_agg(id, (extract(epoch FROM expires_at) * 1000)::bigint) FROM reservations
  WHERE id IN (SELECT (answer ->> 'reservation')::uuid FROM jsonb_array_elements(answers) AS answer)
) AS expiries
FROM ledger_operations WHERE operation = $1
