-- Removes a prefix config.
-- $1 prefix key
DELETE FROM prefix_configs WHERE prefix_key = $1
