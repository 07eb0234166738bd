-- Renews a lease, and moves its bound on. No row: it is another's.
-- $1 data centre, $2 worker, $3 holder, $4 the later of the node's clock and the last time it used, in ms, $5 lease in ms, $6 ms the bound lies ahead
UPDATE worker_leases
SET leased_until = clock_timestamp() + $5::bigint * interval '1 millisecond',
    bound_ms = greatest(bound_ms, $4::bigint + $6::bigint)
WHERE data_centre = $1::smallint AND worker = $2::smallint AND holder = $3
RETURNING bound_ms
