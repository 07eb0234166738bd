-- The registered nodes that are not among those that have reported.
-- $1 names of the nodes that have; $2 for how long after its registration a node is recent, ms
SELECT node, rejoins, seen_at > clock_timestamp() - $2::int * interval '1 millisecond' AS recent
FROM nodes WHERE node <> ALL ($1::text[]) ORDER BY node
