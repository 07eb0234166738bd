-- Part of the scripts that bound what a client may have in a day: `max` at once, and from then on one by one as time goes by.
-- In the key: when all of them may be had again, microseconds. It goes by itself at that time.

local PERIOD = 86400000000 -- microseconds

-- Spends one. Returns how long to wait for it, ms; 0: it was spent.
local function spend(key, max)
  local clock = redis.call('TIME')
  local now = clock[1] * 1000000 + clock[2]
  local whole = tonumber(redis.call('GET', key) or now)
  -- More than a day ahead means that the clock was set back since: what was spent is unknown.
  if whole > now + PERIOD then whole = now end
  local after = math.max(whole, now) + PERIOD / max
  local wait = after - now - PERIOD
  if wait >= 1 then return math.ceil(wait / 1000) end
  redis.call('SET', key, string.format('%.0f', after), 'PX', math.ceil((after - now) / 1000))
  return 0
end
