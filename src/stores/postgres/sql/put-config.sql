-- Stores a prefix config, in place of what is there.
-- $1 prefix key, $2 version, $3 the config as JSON
INSERT INTO prefix_configs (prefix_key, version, config) VALUES ($1, $2::bigint, $3)
ON CONFLICT (prefix_key) DO UPDATE SET version = excluded.version, config = excluded.config, updated_at = clock_timestamp()
