-- Strikes a node out.
-- $1 node
DELETE FROM nodes WHERE node = $1
