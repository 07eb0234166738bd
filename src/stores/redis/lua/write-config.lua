#!lua
-- Writes one prefix config if nobody changed it since it was read, and tells the nodes.
--
-- KEYS[1]  the hash of prefix configs
-- ARGV[1]  the prefix key
-- ARGV[2]  the entry as it was read; "" for none
-- ARGV[3]  the new entry; "" to remove it
-- ARGV[4]  the channel to tell the nodes on
-- Returns 1 when it was written, 0 when the entry is another one by now (nothing was changed).

local current = redis.call('HGET', KEYS[1], ARGV[1]) or ''
if current ~= ARGV[2] then return 0 end

if ARGV[3] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
end
redis.call('PUBLISH', ARGV[4], ARGV[1])
return 1
