-- Part of reserve.lua: the standby segments, ahead of the counter.

local function sizeOf(range) return distance(range[2] - range[1]) + 1 end

-- Reserves a segment in the first hole far enough ahead. Near the limit distance and size shrink, to nothing at last.
local function reserveStandby(s)
  local room = s.value < s.limit and distance(s.limit - s.value) or 0
  local size = math.min(s.size, floor(room / 4))
  if size == 0 or #s.ahead >= AHEAD_MAX then return end
  local from = s.at < s.floor and s.floor or s.at
  local moved = from < s.value and distance(s.value - from) or 0
  local far = math.max(size, DISTANCE_CALLS * moved)
  if s.window == 0 and s.value < s.ceiling then far = math.min(far, math.max(size, floor(distance(s.ceiling - s.value) / 2))) end
  local first = s.value + (math.min(far, floor(room / 2), DISTANCE_MAX) + 1)
  -- The distance is one of values that will be handed out: what is spoken for on the way is jumped in no time.
  for _, range in ipairs(s.ahead) do
    if range[1] < first then first = first + sizeOf(range)
    elseif range[1] <= first + (size - 1) then first = range[2] + 1 end
  end
  local last = least(first + (size - 1), s.limit)
  if last < first then return end
  if s.window == 0 and s.ceiling < last then
    s.wanted = last
    return
  end
  insert(s.ahead, first, last, s.node .. '@' .. s.call)
  return { first, last }
end

local function offer(segment, call) return text(segment[1]) .. '-' .. text(segment[2]) .. '-' .. call end

-- Where half of the values that can be handed out before the segment are gone.
local function nearOf(s, segment)
  local left = distance(segment[1] - s.value) - 1
  for _, range in ipairs(s.ahead) do
    if range[1] < segment[1] then left = left - sizeOf(range) end
  end
  local near = s.value + (math.max(floor(left / 2), 0) + 1)
  for _, range in ipairs(s.ahead) do
    if range[1] < segment[1] and range[1] <= near then near = near + sizeOf(range) end
  end
  return text(near)
end

-- Says what becomes of the node's standby, and from which counter value on that must be looked at again.
local function standby(s, exhausted)
  if s.kind == 'leave' then return 'left', '-' end
  if exhausted or s.closed or s.size == 0 then return s.holding == '-' and 'keep' or 'recall', '-' end
  local held
  for _, range in ipairs(s.ahead) do
    local mine, call = isHeldBy(range, s.node)
    if mine and call ~= s.holding then return offer(range, call), nearOf(s, range) end
    if mine then held = range end
  end
  local near = held and s.near ~= '-' and s.number(s.near) <= s.value
  if held and not near and not s.used then return 'keep', s.near == '-' and nearOf(s, held) or s.near end
  local segment = reserveStandby(s)
  if segment then return offer(segment, s.call), nearOf(s, segment) end
  if s.holding ~= '-' and (near or not held) then return 'recall', '-' end
  return 'keep', '-'
end
