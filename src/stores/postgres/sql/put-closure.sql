-- Closes a sequence, unless it is closed.
-- $1 prefix key, $2 period, $3 closure, JSON
INSERT INTO closures (prefix_key, period, closure) VALUES ($1, $2, $3)
ON CONFLICT (prefix_key, period) DO NOTHING
