-- Makes sure that a call will never be done. One that is being done at this moment is waited for.
-- $1 operation
-- Returns the operation; no row when it was done or forbidden before.
INSERT INTO ledger_operations (operation, answers) VALUES ($1, NULL)
ON CONFLICT (operation) DO NOTHING
RETURNING operation
