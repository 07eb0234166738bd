-- Makes this transaction the only one, on all nodes, that changes prefix configs.
SELECT pg_advisory_xact_lock(7310305170234962)::text AS locked
