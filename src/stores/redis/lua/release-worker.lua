#!lua
-- Gives the lease of a snowflake worker id up, if it is still this holder's.
--
-- KEYS[1]  the hash of worker leases, see lease-worker.lua
-- ARGV[1]  data centre   ARGV[2] worker   ARGV[3] holder   ARGV[4] the last time it used, ms
-- Returns 1 when it was given up, else 0.

local field = 'worker:' .. ARGV[1] .. ':' .. ARGV[2]
local holder = string.match(redis.call('HGET', KEYS[1], field) or '', '^%S+')
if holder ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[1], field, '- 0 ' .. ARGV[4])
return 1
