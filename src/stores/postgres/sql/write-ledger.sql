-- Writes down what a call takes: the rows, the reservations that begin and those whose values are taken again, where the
-- sequences stand now, and the call itself. The caller has locked the sequences and the rows of values taken again.
-- $1 operation, $2 its answers (JSON)
-- sequences: $3 prefix keys, $4 periods, $5 values, $6 whether a value may become free again
-- takes: $7 prefix keys, $8 periods, $9 subjects, $10 hashes of idempotency keys, $11 reservations, $12 their time to live in ms
-- values: $13 position of the take (from 1), $14 values, $15 numbers
-- Returns when the reservations end, in ms by id; no row when the call was done or cancelled before: then nothing is written.
-- One that is being done at this moment is waited for.
-- Operations are forgotten after a day, a few at a time.
WITH operation AS (
  INSERT INTO ledger_operations (operation, answers) VALUES ($1, $2)
  ON CONFLICT (operation) DO NOTHING
  RETURNING operation
), taken AS (
  -- By their place in the arrays: a join of two sets without an index would look through one for each row of the other.
  SELECT ($7::text[])[position] AS prefix_key, ($8::text[])[position] AS period, value, number, ($9::text[])[position] AS subject,
    ($10::text[])[position] AS key_hash, ($11::uuid[])[position] AS reservation,
    statement_timestamp()::timestamptz(3) AS taken_at,
    (statement_timestamp() + ($12::bigint[])[position] * interval '1 millisecond')::timestamptz(3) AS free_at
  FROM unnest($13::int[], $14::numeric[], $15::text[]) AS taken (position, value, number)
  WHERE EXISTS (SELECT FROM operation)
), sequences AS (
  UPDATE ledger_sequences AS sequence
  SET value = moved.value, reuses = sequence.reuses OR moved.reuses, changes = sequence.changes + 1
  FROM unnest($3::text[], $4::text[], $5::numeric[], $6::boolean[]) AS moved (prefix_key, period, value, reuses)
  WHERE sequence.prefix_key = moved.prefix_key AND sequence.period = moved.period
    AND EXISTS (SELECT FROM operation)
), expired AS (
  UPDATE reservations SET state = 'expired', ended_at = expires_at
  FROM ledger JOIN taken USING (prefix_key, period, value)
  WHERE reservations.id = ledger.reservation AND reservations.state = 'reserved'
), reserved AS (
  INSERT INTO reservations (id, prefix_key, period, value, number, state, subject, reserved_at, expires_at)
  SELECT reservation, prefix_key, period, value, number, 'reserved', subject, taken_at, free_at
  FROM taken WHERE reservation IS NOT NULL
), rows AS (
  INSERT INTO ledger (prefix_key, period, value, number, state, free_at, taken_at, changed_at, subject, key_hash, reservation)
  SELECT prefix_key, period, value, number, CASE WHEN reservation IS NULL THEN 'issued' ELSE 'reserved' END,
    free_at, taken_at, taken_at, subject, key_hash, reservation
  FROM taken
  ON CONFLICT (prefix_key, period, value) DO UPDATE SET
    number = excluded.number, state = excluded.state, free_at = excluded.free_at, taken_at = excluded.taken_at,
    changed_at = excluded.changed_at, subject = excluded.subject, key_hash = excluded.key_hash,
    reservation = excluded.reservation
), forgotten AS (
  DELETE FROM ledger_operations WHERE operation IN (
    SELECT operation FROM ledger_operations WHERE done_at < statement_timestamp() - interval '1 day'
    ORDER BY done_at LIMIT 10 FOR UPDATE SKIP LOCKED
  )
)
SELECT (
  SELECT json_object_agg(reservation, (extract(epoch FROM free_at) * 1000)::bigint)
  FROM taken WHERE reservation IS NOT NULL
) AS expiries
FROM operation
