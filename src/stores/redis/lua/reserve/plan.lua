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

local function join(s)
  if s.seen > s.value then
    passOver(s, s.seen)
    sweepFree(s, 'recovery-jump')
  end
  if s.range and ungap(s, s.range[1], s.node) then s.kept = s.range[1] .. ' ' .. s.range[2] end
  -- A segment the state has lost is put back, unless its values were given to another since: then a new one is offered.
  local holder = s.node .. '@' .. s.holding
  if s.held and not find(s.ahead, s.held[1], holder) and redis.call('HEXISTS', s.gapsKey, s.held[1]) == 0 then
    local first, last = s.number(s.held[1]), s.number(s.held[2])
    local free = s.value < first
    for _, range in ipairs(s.ahead) do
      if range[1] <= last and first <= range[2] then free = false end
    end
    if free then insert(s.ahead, first, last, holder) end
  end
end

local function readReport(s)
  local to
  for what, a, b, call in string.gmatch(s.report, '(%a+):(%d+):?(%d*):?(%d*)') do
    if what == 'released' then release(s, a, tonumber(b), call)
    elseif what == 'returned' then insert(s.free, s.number(a), s.number(b), '') s.kept = '- -'
    elseif what == 'to' then to = a
    else s[what] = { a, b } end
  end
  if s.kind == 'leave' then
    for i = #s.ahead, 1, -1 do
      if isHeldBy(s.ahead[i], s.node) then table.remove(s.ahead, i) end
    end
  end
  return to
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
  if target < initial then target = initial end
  if s.value < target then passOver(s, target, 'advance') end
  if s.floor < initial then s.floor = initial end
  sweepFree(s, 'advance')
end

local function commit(s, reply, near)
  if #s.gaps > 0 or #s.found > 0 then redis.call('HLEN', s.gapsKey) end -- the last check: the type of the gap record
  if #s.found > 0 then redis.call('HDEL', s.gapsKey, unpack(s.found)) end -- first, for it may come back for another reason
  if #s.gaps > 0 then redis.call('HSET', s.gapsKey, unpack(s.gaps)) end
  if #s.forgotten > 0 then redis.call('HDEL', s.stateKey, unpack(s.forgotten)) end
  local value = text(s.value)
  if value ~= s.counter then redis.call('SET', s.counterKey, value) end
  local range = s.first and text(s.first) .. ' ' .. text(s.last) or s.kept
  redis.call('HSET', s.stateKey, 'value', value, 'ahead', writeRanges(s.ahead), 'free', writeRanges(s.free),
    'floor', text(s.floor), 'n:' .. s.node, table.concat({ s.call, now, value, near, range, reply }, ' '))
  return reply
end

-- Nothing is recorded of an advance that is refused: asked again, it is refused again.
local function advance(s, to)
  local from, target = s.value, s.number(to)
  if target <= from then return 'behind ' .. text(from) end
  if s.limit < target then return 'exhausted ' .. text(valuesLeft(s)) .. ' keep' end
  passOver(s, target, 'advance')
  sweepFree(s, 'advance')
  return commit(s, 'advanced ' .. text(from) .. ' ' .. text(s.value), '-')
end

local function read(s, state, record)
  if s.counter and s.counter ~= s.copy then checkDecimal('counter', s.counter) end
  if s.copy then checkDecimal('value of the state', s.copy) end
  local floorText = redis.call('HGET', s.stateKey, 'floor') or '0'
  checkDecimal('floor of the state', floorText)
  local longest = math.max(#(s.counter or ''), #(s.copy or ''), #s.initial, #s.seen, #(match(s.report, 'to:(%d+)') or ''))
  s.number = longest < 16 and tonumber or widen
  s.limit, s.seen, s.floor = s.number(s.limit), s.number(s.seen), s.number(floorText)
  s.ahead, s.free = readRanges(s, 'ahead', state[2] or ''), readRanges(s, 'free', state[3] or '')
  local at, near, kept = match(record or '', '^%d+ %d+ (%d+) (%S+) (%S+ %S+) ')
  s.at, s.near, s.kept = at, near or '-', kept or '- -'
  s.gaps, s.found, s.forgotten = {}, {}, {}
end

-- The whole protocol, in its order: settle what the node reports, hand out, then see to its standby.
local function work(s, state, record)
  read(s, state, record)
  local to = readReport(s)
  catchUp(s)
  if not record then foldOldNodes(s) end
  if s.kind == 'join' then join(s) elseif s.value < s.seen then return 'forgotten' end
  s.at = s.at and s.number(s.at) or s.value
  if s.kind == 'advance' then return advance(s, to) end
  local taken = take(s)
  local action, near = standby(s, string.sub(taken, 1, 9) == 'exhausted')
  return commit(s, taken .. ' ' .. action, near)
end
