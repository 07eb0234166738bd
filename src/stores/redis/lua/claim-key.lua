#!lua
-- Ties an idempotency key to one request. The receipt lies in the slot of the request's sequence: a request for another sequence
-- would not find it.
--
-- KEYS[1]  idempotency:HASH         string with TTL: "time fingerprint" of the request that came first
-- KEYS[2]  idempotency:quota:HASH   string with TTL: what the client has left for the prefix, see parts/allowance.lua; absent: it is not bounded
-- ARGV[1]  fingerprint of this request
-- ARGV[2]  when it came, ms
-- ARGV[3]  how long a key is remembered, ms
-- ARGV[4]  with KEYS[2]: how many keys the client may have in a day
-- Returns 1 when the key is this request's, 0 when it is another one's; -MS when the client has to wait so long for another key. Nothing
-- was changed but in the first case.

-- @include ../parts/allowance.lua
local since, owner = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) (%S+)$')
if owner and tonumber(ARGV[2]) - tonumber(since) < tonumber(ARGV[3]) then return owner == ARGV[1] and 1 or 0 end
local wait = KEYS[2] and spend(KEYS[2], tonumber(ARGV[4])) or 0
if wait > 0 then return -wait end
redis.call('SET', KEYS[1], ARGV[2] .. ' ' .. ARGV[1], 'PX', ARGV[3])
return 1
