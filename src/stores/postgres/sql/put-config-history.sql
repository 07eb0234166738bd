-- Stores what a prefix was before, in place of what is there.
-- $1 prefix key, $2 the history as JSON
INSERT INTO prefix_histories (prefix_key, history) VALUES ($1, $2)
ON CONFLICT (prefix_key) DO UPDATE SET history = excluded.history, updated_at = clock_timestamp()
WHERE prefix_histories.history <> excluded.history
