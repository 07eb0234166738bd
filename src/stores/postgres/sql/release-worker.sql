-- Gives a lease up.
-- $1 data centre, $2 worker, $3 holder, $4 the last time it used, in ms
UPDATE worker_leases
SET holder = NULL, bound_ms = $4::bigint
WHERE data_centre = $1::smallint AND worker = $2::smallint AND holder = $3
