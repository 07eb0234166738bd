#!lua
-- Ties an idempotency key to one request. The receipt lies in the slot of the request's sequence: a request for another sequence
-- would not find it.
--
-- KEYS[1]  idempotency:HASH   string with TTL: "time fingerprint" of the request that came first
-- ARGV[1]  fingerprint of this request
-- ARGV[2]  when it came, ms
-- ARGV[3]  how long a key is remembered, ms
-- Returns 1 when the key is this request's, 0 when it is another one's (nothing was changed).

local since, owner = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) (%S+)$')
if owner and tonumber(ARGV[2]) - tonumber(since) < tonumber(ARGV[3]) then return owner == ARGV[1] and 1 or 0 end
redis.call('SET', KEYS[1], ARGV[2] .. ' ' .. ARGV[1], 'PX', ARGV[3])
return 1
