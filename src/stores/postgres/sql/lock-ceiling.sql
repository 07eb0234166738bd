-- Reads everything about a sequence and locks it until the transaction ends.
-- $1 prefix key, $2 period
SELECT epoch, server, ceiling, base, account_value, account_changes, origin
FROM ceilings WHERE prefix_key = $1 AND period = $2 FOR UPDATE
