-- Enters a node, or notes that it is still there.
-- $1 node
INSERT INTO nodes (node, rejoins) VALUES ($1, true)
ON CONFLICT (node) DO UPDATE SET seen_at = clock_timestamp(), rejoins = true
