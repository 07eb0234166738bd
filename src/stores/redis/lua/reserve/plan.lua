-- Part of reserve.lua: the whole protocol for one entry, and its writes.

-- A long silent node is forgotten: what it may still have held goes to the gap record, its standby is never reused.
local function foldNode(s, node, range)
  s.forgotten[#s.forgotten + 1] = 'n:' .. node
  local first, last = match(range, '^(%d+) (%d+)')
  if first then gap(s, s.number(first), s.number(last), 'node-crash', node) end
  for i = #s.ahead, 1, -1 do
    local segment = s.ahead[i]
    if isHeldBy(segment, node) then
      gap(s, segment[1], segment[2], 'node-crash', segment[3])
      table.remove(s.ahead, i)
      insert(s.ahead, segment[1], segment[2], '-')
    end
  end
end

local function foldOldNodes(s)
  if redis.call('HLEN', s.stateKey) <= NODES_MAX then return end
  local nodes, state = {}, redis.call('HGETALL', s.stateKey)
  for i = 1, #state, 2 do
    local node = match(state[i], '^n:(.*)$')
    local at, range = match(state[i + 1], '^%d+ (%d+) %S+ %S+ (%S+ %S+)')
    if node and at and now - at > KEEP_SECONDS then nodes[#nodes + 1] = { node, tonumber(at), range } end
  end
  table.sort(nodes, function(a, b) return a[2] < b[2] end)
  for i = 1, math.min(#nodes, NODES_MAX / 2) do foldNode(s, nodes[i][1], nodes[i][3]) end
end

-- Values come back unused. Another node may lately have said that they were lost with a state: then they are in doubt no more.
local function takeBack(s, first, last)
  local doubted = redis.call('HGET', s.stateKey, 'doubted')
  if doubted and now - doubted < KEEP_SECONDS then explain(s, { { first, last } }) end
  insert(s.free, first, last, '')
  s.changed, s.kept = true, '- -'
end

-- Values that a node gave back to a state that was lost. Those that another has given back since are not in doubt.
local function lose(s, first, last)
  local free = {}
  for i, range in ipairs(s.free) do free[i] = range end
  local doubted = without({ { first, last, s.node } }, free, always)
  doubtAll(s, doubted, 'recovery-jump')
  redis.call('HSET', s.stateKey, 'doubted', now)
  s.kept = '- -'
end

local function readReport(s)
  local to
  for what, a, b, call in string.gmatch(s.report, '(%a+):(%d+):?(%d*):?(%d*)') do
    if what == 'released' or what == 'gave' then release(s, a, tonumber(b), call, what == 'gave')
    elseif what == 'returned' then takeBack(s, s.number(a), s.number(b))
    elseif what == 'lost' then lose(s, s.number(a), s.number(b))
    elseif what == 'to' then to = a end
  end
  if s.kind == 'leave' then
    for i = #s.ahead, 1, -1 do
      if isHeldBy(s.ahead[i], s.node) then table.remove(s.ahead, i) end
    end
    s.kept = '- -'
  end
  return to
end

-- Nothing was handed out, held or passed over yet: a higher initialSeq begins further on, and leaves no gap.
local function isUntouched(s)
  return text(s.value) == (s.begun or '0') and #s.ahead == 0 and #s.free == 0 and redis.call('HLEN', s.gapsKey) == 0
end

-- Where counting stands: the counter, or its copy in the state, or the value before the first.
local function catchUp(s)
  local initial = s.number(s.initial)
  if not s.counter and not s.copy then
    s.value = initial
    return
  end
  s.value = s.number(s.copy or s.counter)
  local target = s.counter and s.number(s.counter) or s.value
  if s.value < initial and isUntouched(s) then
    s.value, s.begun, s.moved = initial, s.initial, true
  end
  if target < initial then target = initial end
  if s.value < target then
    passOver(s, target, 'advance')
    raiseFloor(s, target)
  end
  raiseFloor(s, initial)
  sweepFree(s)
end

local function writeGaps(s)
  if s.list then
    redis.call('DEL', s.gapsKey)
    local words = {}
    for i, entry in ipairs(s.list) do
      words[#words + 1] = text(entry[1])
      words[#words + 1] = text(entry[2]) .. ' ' .. entry[3]
      if #words == 1000 or i == #s.list then
        redis.call('HSET', s.gapsKey, unpack(words))
        words = {}
      end
    end
    return
  end
  if #s.gaps > 0 or #s.found > 0 then redis.call('HLEN', s.gapsKey) end -- the last check: the type of the gap record
  if #s.found > 0 then redis.call('HDEL', s.gapsKey, unpack(s.found)) end -- first: it may come back with another reason
  if #s.gaps > 0 then redis.call('HSET', s.gapsKey, unpack(s.gaps)) end
end

-- With a window the ceiling stays ahead of the counter and of the highest standby by itself.
local function raiseByItself(s)
  if s.window == 0 then return end
  local top = s.ahead[#s.ahead]
  local highest = top and s.value < top[2] and top[2] or s.value
  -- A jump above the ceiling must not use up a series that has a limit.
  local window = s.value < s.limit and math.min(s.window, floor(distance(s.limit - s.value) / 8)) or 0
  if s.ceiling < highest or s.ceiling < s.value + floor(window / 2) then
    s.ceiling = highest < s.limit and least(highest + window, s.limit) or highest
  end
end

local function suffix(s) return format(' %.0f ', s.served) .. text(s.ceiling) .. ' ' .. (s.wanted and text(s.wanted) or '0') end

-- Writes the state of the sequence; the record of the node is `record`, or stays as it is.
local function write(s, record)
  raiseByItself(s)
  writeGaps(s)
  if #s.forgotten > 0 then redis.call('HDEL', s.stateKey, unpack(s.forgotten)) end
  if s.changed then
    redis.call('HINCRBY', s.stateKey, 'changes', 1)
    redis.call('HSET', s.stateKey, 'gaps', redis.call('HLEN', s.gapsKey))
  end
  local value = text(s.value)
  if value ~= s.counter then redis.call('SET', s.counterKey, value) end
  redis.call('HSET', s.stateKey, 'value', value, 'ahead', writeRanges(s.ahead), 'free', writeRanges(s.free), 'floor',
    text(s.floor), 'fence', format('%s %.0f ', s.who, s.served) .. text(s.ceiling))
  if s.version ~= VERSION then redis.call('HSET', s.stateKey, 'version', VERSION) end
  local advanced = s.advanced and text(s.advanced) .. ' ' .. text(s.floor)
  if advanced and advanced ~= s.advancedKept then redis.call('HSET', s.stateKey, 'advanced', advanced) end
  if s.moved then redis.call('HSET', s.stateKey, 'origin', s.begun)
  elseif s.origin then redis.call('HSETNX', s.stateKey, 'origin', s.origin) end
  if record then redis.call('HSET', s.stateKey, 'n:' .. s.node, record) end
end

local function commit(s, reply, near)
  local range = s.first and text(s.first) .. ' ' .. text(s.last) or s.kept
  write(s, table.concat({ s.call, now, text(s.value), near, range, format('%.0f', s.served), reply }, ' '))
  return reply .. suffix(s)
end

-- Nothing is recorded of an advance that is refused: asked again, it is refused again.
local function advance(s, to)
  if s.closed then return 'closed' .. suffix(s) end
  local from, target = s.value, s.number(to)
  if target <= from then return 'behind ' .. text(from) .. suffix(s) end
  if s.limit < target then return 'exhausted ' .. text(valuesLeft(s)) .. ' keep' .. suffix(s) end
  if s.window == 0 and s.ceiling < target then return 'ceiling ' .. text(from) .. suffix(s) end
  passOver(s, target, 'advance')
  raiseFloor(s, s.value)
  sweepFree(s)
  return commit(s, 'advanced ' .. text(from) .. ' ' .. text(s.value), '-')
end

-- How many digits the longest number of this entry has: below 16 doubles are exact.
local function digitsOf(texts)
  local longest = 0
  for _, source in ipairs(texts) do
    for digits in string.gmatch(source, '%d+') do
      if longest < #digits then longest = #digits end
    end
  end
  return longest
end

local function read(s, state, record)
  if s.counter and s.counter ~= s.copy then checkDecimal('counter', s.counter) end
  if s.copy then checkDecimal('value of the state', s.copy) end
  local kept = redis.call('HMGET', s.stateKey, 'floor', 'gaps', 'origin', 'advanced')
  local floorText = kept[1] or '0'
  s.begun = kept[3] or nil
  s.gapsKept = tonumber(kept[2] or '0')
  checkDecimal('floor of the state', floorText)
  if #s.ceiling > 1 then checkDecimal('ceiling of the state', s.ceiling) end
  local longest = digitsOf(s.texts or { s.counter or '', s.copy or '', s.initial, s.seen, s.ceiling, match(s.report, 'to:%d+') or '' })
  s.number = longest < 15 and tonumber or widen
  s.limit, s.seen, s.floor, s.ceiling = s.number(s.limit), s.number(s.seen), s.number(floorText), s.number(s.ceiling)
  -- Written beside the floor it is true of: an earlier version moves the floor without it.
  s.advancedKept = kept[4]
  local advanced, beside = match(kept[4] or '', '^(%d+) (%d+)$')
  s.advanced = beside == floorText and s.number(advanced) or nil
  s.ahead, s.free = readRanges(s, 'ahead', state[2] or ''), readRanges(s, 'free', state[3] or '')
  local at, near, range = match(record or '', '^%d+ %d+ (%d+) (%S+) (%S+ %S+) ')
  s.at, s.near, s.kept = at, near or '-', range or '- -'
  s.gaps, s.found, s.forgotten = {}, {}, {}
end

-- A recovery doubted that this node was given its last range. Here it is, and goes on: so it was. Returns "FIRST LAST" then.
local function trust(s, record)
  local first, last = match(record or '', '^%d+ %d+ %d+ %S+ %- %- %d+ taken (%d+) (%d+)')
  if not first then return end
  explain(s, { { s.number(first), s.number(last) } })
  return first .. ' ' .. last
end

local FIRST_TIME = 1000000000000

-- The gap record was deleted or evicted: where an account of it is kept elsewhere, a recovery brings it back.
local function isRecordLost(s)
  local kept = s.window == 0 and s.served < FIRST_TIME -- where nobody keeps ceilings and accounts, epochs are times
  if not kept or s.gapsKept <= redis.call('HLEN', s.gapsKey) then return false end
  redis.call('HDEL', s.stateKey, 'value', 'gaps')
  redis.call('HSET', s.stateKey, 'fence', '- ' .. format('%.0f ', s.served) .. text(s.ceiling))
  return true
end

-- A call: settle what the node reports, hand out, then see to its standby.
local function serveCall(s, state, record)
  read(s, state, record)
  if s.who == '-' then -- the first call ever
    s.who, s.served = server(s.index), floor(nowMicros / 1000)
    s.origin = s.initial
  end
  if isRecordLost(s) then return 'recovering' end
  -- One that joins begins anew, and may have given that range back to a state that was lost.
  if s.kind ~= 'join' then trust(s, record) end
  local to = readReport(s)
  catchUp(s)
  if not record then foldOldNodes(s) end
  if s.value < s.seen then return 'recovering' end
  s.at = s.at and s.number(s.at) or s.value
  if s.kind == 'advance' then return advance(s, to) end
  local taken = take(s)
  if taken == 'ceiling' then return 'ceiling ' .. text(s.value) .. suffix(s) end
  local action, near = standby(s, string.sub(taken, 1, 9) == 'exhausted')
  return commit(s, taken .. ' ' .. action, near)
end
