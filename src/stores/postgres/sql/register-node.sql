-- Enters a node, or notes that it is still there.
-- $1 node
INSERT INTO nodes (node) VALUES ($1) ON CONFLICT (node) DO UPDATE SET seen_at = clock_timestamp()
