-- Looks prefix configs and histories up.
-- $1 prefix keys
SELECT wanted.prefix_key, configs.config, histories.history
FROM unnest($1::text[]) AS wanted (prefix_key)
LEFT JOIN prefix_configs AS configs ON configs.prefix_key = wanted.prefix_key
LEFT JOIN prefix_histories AS histories ON histories.prefix_key = wanted.prefix_key
