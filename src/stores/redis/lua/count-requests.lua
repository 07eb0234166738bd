#!lua
-- Counts the requests of clients over all nodes, each client in a window of a second that begins with its first request.
--[[
KEYS, one per entry:
  rate_limit:HASH   string with TTL: requests of this client in his present window

ARGV, one per entry: how many there were since the last call of this node

Returns one text per entry: "TOTAL MS", the requests in the window, and how much longer it lasts
]]
local WINDOW_MS = 1000
local replies = {}
for i, key in ipairs(KEYS) do
  local total = redis.call('INCRBY', key, ARGV[i])
  local left = redis.call('PTTL', key)
  if left < 0 then
    redis.call('PEXPIRE', key, WINDOW_MS)
    left = WINDOW_MS
  end
  replies[i] = string.format('%d %d', total, left)
end
return replies
