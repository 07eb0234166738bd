-- Frees the values that a call took for callers who were refused, and writes each down in the history. Once only: afterwards the
-- call counts as cancelled. What was taken under an idempotency key stays, for a repetition of the request is given it.
-- $1 operation
-- The changes of a sequence do not rise by it: one that went back is not to catch up with what was known, unasked. Handing the values
-- out again raises them.
-- Returns how far the sequences have changed: prefix key, period, value, changes.
WITH operation AS (
  SELECT answers FROM ledger_operations WHERE operation = $1 AND answers IS NOT NULL FOR UPDATE
), given AS (
  SELECT answer ->> 'prefixKey' AS prefix_key, answer ->> 'period' AS period, (answer ->> 'reservation')::uuid AS reservation,
    (range ->> 0)::numeric AS first, (range ->> 1)::numeric AS last
  FROM operation, jsonb_array_elements(answers) AS answer, jsonb_array_elements(answer -> 'ranges') AS range
  WHERE answer ->> 'keyed' IS NULL
), freed AS (
  UPDATE ledger SET state = 'void', free_at = '-infinity', changed_at = statement_timestamp()
  FROM given
  WHERE ledger.prefix_key = given.prefix_key AND ledger.period = given.period
    AND ledger.value BETWEEN given.first AND given.last
    AND ledger.reservation IS NOT DISTINCT FROM given.reservation AND ledger.state IN ('issued', 'reserved')
  RETURNING ledger.*
), ended AS (
  UPDATE reservations SET state = 'void', ended_at = statement_timestamp(), reason = 'not delivered'
  FROM freed WHERE reservations.id = freed.reservation AND reservations.state = 'reserved'
), released AS (
  DELETE FROM reservation_holders WHERE id IN (SELECT reservation FROM freed)
), recorded AS (
  INSERT INTO reservations
    (id, prefix_key, period, value, number, state, subject, reserved_at, expires_at, ended_at, reason)
  SELECT gen_random_uuid(), prefix_key, period, value, number, 'void', subject, taken_at, changed_at, changed_at,
    'not delivered'
  FROM freed WHERE reservation IS NULL
), sequences AS (
  UPDATE ledger_sequences AS sequence SET reuses = true
  FROM (SELECT DISTINCT prefix_key, period FROM freed) AS touched
  WHERE sequence.prefix_key = touched.prefix_key AND sequence.period = touched.period
  RETURNING sequence.prefix_key, sequence.period, sequence.value, sequence.changes
), undone AS (
  UPDATE ledger_operations SET answers = NULL WHERE operation IN (SELECT $1::uuid FROM operation)
)
SELECT prefix_key, period, value, changes FROM sequences
