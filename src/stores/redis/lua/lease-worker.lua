#!lua
-- Leases a snowflake worker id: the first free one, looked for from START on.
--
-- KEYS[1]  the hash of worker leases: field "worker:DC:ID" -> "holder until bound": until when it is leased (this server's
--          clock, ms), and the time no id made under it is above (the nodes' clocks, ms); field "server" -> "identity since"
-- ARGV[1]  data centre   ARGV[2] holder   ARGV[3] the node's clock, ms   ARGV[4] ms the lease lasts
-- ARGV[5]  ms the bound lies ahead of the node's clock   ARGV[6] the id to begin with   ARGV[7] the highest id
-- Returns "worker bound", or "" when none is free.
--
-- Another server than before (restarted, or promoted) may have forgotten leases. So it grants none until they have run out.
-- Holders renew theirs meanwhile. A node whose clock is not past the bound is not given the id: it could repeat ids.

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local identity = string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')
local known, since = string.match(redis.call('HGET', KEYS[1], 'server') or '', '^(%S+) (%d+)$')
if known ~= identity then
  since = known and now or 0
  redis.call('HSET', KEYS[1], 'server', identity .. ' ' .. string.format('%.0f', since))
end
if now - tonumber(since) < tonumber(ARGV[4]) then return '' end

local bound = string.format('%.0f', ARGV[3] + ARGV[5])
local size = ARGV[7] + 1
for step = 0, size - 1 do
  local worker = (ARGV[6] + step) % size
  local field = 'worker:' .. ARGV[1] .. ':' .. string.format('%.0f', worker)
  local untilMs, used = string.match(redis.call('HGET', KEYS[1], field) or '', '^%S+ (%d+) (%d+)$')
  if not untilMs or (tonumber(untilMs) <= now and tonumber(used) < tonumber(ARGV[3])) then
    redis.call('HSET', KEYS[1], field, ARGV[2] .. ' ' .. string.format('%.0f', now + ARGV[4]) .. ' ' .. bound)
    return string.format('%.0f', worker) .. ' ' .. bound
  end
end
return ''
