-- Looks prefix configs up.
-- $1 prefix keys
SELECT prefix_key, config FROM prefix_configs WHERE prefix_key = ANY ($1::text[])
