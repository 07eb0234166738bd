-- One page of prefix configs in the order of their keys.
-- $1 the key before the page, $2 how many at most
SELECT prefix_key, config FROM prefix_configs WHERE prefix_key > $1 ORDER BY prefix_key LIMIT $2::int
