-- One page of the keys of prefix configs and histories in their order.
-- $1 the key before the page, $2 how many at most
(SELECT prefix_key FROM prefix_configs WHERE prefix_key > $1 ORDER BY prefix_key LIMIT $2::int)
UNION
(SELECT prefix_key FROM prefix_histories WHERE prefix_key > $1 ORDER BY prefix_key LIMIT $2::int)
ORDER BY prefix_key LIMIT $2::int
