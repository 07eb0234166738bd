#!lua
-- Puts an API key there, unless its id is taken, or whoever has it made has as many as it may.
--
-- KEYS[1]  the hash of API keys: id -> JSON
-- KEYS[2]  hash: ids of the keys of whoever has it made -> when each ends, ms since 1970, 0 for never; absent: they are not counted
-- ARGV[1]  the id
-- ARGV[2]  the entry, JSON
-- ARGV[3]  when it ends, likewise
-- ARGV[4]  with KEYS[2]: how many there may be
-- ARGV[5]  with KEYS[2]: the time, ms since 1970
-- Returns 1 when it was put there, 0 when the id is taken, -1 when there are as many as there may be.

local now, max = tonumber(ARGV[5]), tonumber(ARGV[4])

-- Only looked through when it is full: what was removed meanwhile stands there still, and what has ended makes room.
local function makeRoom()
  local held = redis.call('HGETALL', KEYS[2])
  for i = 1, #held, 2 do
    local ends = tonumber(held[i + 1])
    if ends > 0 and ends <= now then redis.call('HDEL', KEYS[1], held[i]) end
    if redis.call('HEXISTS', KEYS[1], held[i]) == 0 then redis.call('HDEL', KEYS[2], held[i]) end
  end
end

if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then return 0 end
if KEYS[2] then
  if redis.call('HLEN', KEYS[2]) >= max then makeRoom() end
  if redis.call('HLEN', KEYS[2]) >= max then return -1 end
  redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
