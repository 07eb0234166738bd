-- Leases the first free worker id from $6 on: not leased, and used only for times before the node's clock. No row: another
-- node was faster, or none is free.
-- $1 data centre, $2 holder, $3 the node's clock in ms, $4 lease in ms, $5 ms the bound lies ahead, $6 first id, $7 highest id
INSERT INTO worker_leases AS lease (data_centre, worker, holder, leased_until, bound_ms)
SELECT $1::smallint, id, $2, clock_timestamp() + $4::bigint * interval '1 millisecond', $3::bigint + $5::bigint
FROM generate_series(0, $7::int) AS id
LEFT JOIN worker_leases AS used ON used.data_centre = $1::smallint AND used.worker = id
WHERE used.worker IS NULL
  OR ((used.holder IS NULL OR used.leased_until <= clock_timestamp()) AND used.bound_ms < $3::bigint)
ORDER BY (id - $6::int + $7::int + 1) % ($7::int + 1)
LIMIT 1
ON CONFLICT (data_centre, worker) DO UPDATE
SET holder = excluded.holder, leased_until = excluded.leased_until, bound_ms = excluded.bound_ms
WHERE (lease.holder IS NULL OR lease.leased_until <= clock_timestamp()) AND lease.bound_ms < $3::bigint
RETURNING worker, bound_ms
