-- Part of reserve.lua: what nodes report, and what the counter passes over without handing it out.

-- Takes a range of this holder out of the gap record. Returns its last value, or nothing when it is not there.
local function ungap(s, first, holder)
  for i, entry in ipairs(s.list or {}) do
    if text(entry[1]) == first and match(entry[3], '^%S+ (%S+)') == holder then
      s.changed = true
      return table.remove(s.list, i)[2]
    end
  end
  if s.list then return end
  local entry = redis.call('HGET', s.gapsKey, first)
  local last, recorded = match(entry or '', '^(%d+) %S+ (%S+)')
  if recorded ~= holder then return end
  s.found[#s.found + 1] = first
  s.changed = true
  return s.number(last)
end

-- How far the floor was moved by an operator; above that it was moved by a recovery. A state that does not say so was written
-- by an earlier version, which leaves it to the gap record: an advance ends where its entry ends.
local function advancedTo(s)
  if s.advanced then return s.advanced end
  loadGaps(s)
  local reached = s.number('0')
  for _, entry in ipairs(s.list) do
    if match(entry[3], '^advance ') and reached < entry[2] then reached = entry[2] end
  end
  s.advanced = reached
  return s.advanced
end

-- An operator moves the floor: by an advance, a raised initialSeq, a counter that was set by hand.
local function raiseFloor(s, floorValue)
  if s.floor < floorValue then s.floor, s.advanced = floorValue, floorValue end
end

-- A recovery goes on above `base`: nothing up to it is handed out again, and nobody advanced.
local function liftFloor(s, base)
  if base <= s.floor then return end
  advancedTo(s)
  s.floor = base
end

-- Values that come back unused are handed out again first, but nothing at or below the floor: that goes to the gap record, and
-- says who moved the floor there.
local function sweepFree(s)
  while s.free[1] and s.free[1][1] <= s.floor do
    local range = table.remove(s.free, 1)
    local first, last, advanced = range[1], least(range[2], s.floor), advancedTo(s)
    s.changed = true
    if first <= advanced then gap(s, first, least(last, advanced), 'advance', '-') end
    if advanced < last then gap(s, advanced < first and first or advanced + 1, last, 'recovery-jump', '-') end
    if s.floor < range[2] then table.insert(s.free, 1, { s.floor + 1, range[2], '' }) end
  end
end

-- `again`: said once more after a recovery. What was unused then may have been given to another since.
local function release(s, first, used, call, again)
  local holder = s.node .. '@' .. call
  local at = find(s.ahead, first, holder)
  if at then
    local segment = table.remove(s.ahead, at)
    if used > 0 then insert(s.ahead, segment[1], segment[1] + (used - 1), '-') end
    return
  end
  if again then return end
  local last = ungap(s, first, holder)
  local unused = last and s.number(first) + used
  if last and unused <= last then insert(s.free, unused, last, '') end
end

-- Jumps over the lowest ahead range; a standby segment goes to the gap record until its holder reports.
local function jump(s)
  local range = table.remove(s.ahead, 1)
  if range[3] ~= '-' then gap(s, range[1], range[2], 'node-crash', range[3]) end
  s.value = range[2]
end

-- Moves on to `target` without handing anything out. A range that lies across it is jumped whole.
local function passOver(s, target, reason)
  local passed = 0
  while s.value < target do
    local range = s.ahead[passed + 1]
    local stop = range and range[1] <= target and range[1] + -1 or target
    if s.value < stop then
      if reason then gap(s, s.value + 1, stop, reason, '-') end
      s.value = stop
    end
    if range and range[1] <= target then
      passed = passed + 1
      if range[3] ~= '-' then gap(s, range[1], range[2], 'node-crash', range[3]) end
      s.value = range[2]
    end
  end
  if passed > 0 then
    local rest = {}
    for i = passed + 1, #s.ahead do rest[#rest + 1] = s.ahead[i] end
    s.ahead = rest
  end
end
