-- Removes a prefix config.
-- $1 prefix key
-- Returns a row when there was one.
DELETE FROM prefix_configs WHERE prefix_key = $1 RETURNING prefix_key
