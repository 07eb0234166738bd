-- The registered nodes that are not among those that have reported.
-- $1 names of the nodes that have
SELECT node FROM nodes WHERE node <> ALL ($1::text[]) ORDER BY node
