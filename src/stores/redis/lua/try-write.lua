#!lua
-- Writes something. Without flags in the first line a server that takes no writes (its memory is full, it cannot save, it has too few
-- replicas, it is a replica) refuses the script before it begins.
--
-- KEYS[1]  idempotency:probe:N   string with TTL
-- Returns 1.

redis.call('SET', KEYS[1], '1', 'PX', 1000)
return 1
