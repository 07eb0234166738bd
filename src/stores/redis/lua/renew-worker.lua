#!lua
-- Renews the lease of a snowflake worker id, and moves its bound on.
--
-- KEYS[1]  the hash of worker leases, see lease-worker.lua
-- ARGV[1]  data centre   ARGV[2] worker   ARGV[3] holder   ARGV[4] the later of the node's clock and the last time it used, ms
-- ARGV[5]  ms the lease lasts   ARGV[6] ms the bound lies ahead
-- Returns the bound, or "" when the lease is another's (nothing was changed).
--
-- A server that was emptied, or is another one than before, may have forgotten whose lease it is: until all leases of that
-- time have run out it believes who says so, unless somebody else has said so first.

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local identity = string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')
local known, since = string.match(redis.call('HGET', KEYS[1], 'server') or '', '^(%S+) (%d+)$')
if known ~= identity then
  since = now
  redis.call('HSET', KEYS[1], 'server', identity .. ' ' .. string.format('%.0f', since))
end
local field = 'worker:' .. ARGV[1] .. ':' .. ARGV[2]
local holder, untilMs, bound = string.match(redis.call('HGET', KEYS[1], field) or '', '^(%S+) (%d+) (%d+)$')
if holder ~= ARGV[3] then
  local isRecent = now - tonumber(since) < tonumber(ARGV[5])
  local isOlder = not untilMs or tonumber(untilMs) - ARGV[5] < tonumber(since)
  if not (isRecent and isOlder) then return '' end
end
local wanted = ARGV[4] + ARGV[6]
if bound and tonumber(bound) > wanted then wanted = tonumber(bound) end
redis.call('HSET', KEYS[1], field, ARGV[3] .. ' ' .. string.format('%.0f', now + ARGV[5]) .. ' ' .. string.format('%.0f', wanted))
return string.format('%.0f', wanted)
