#!lua
--[[
Takes values from many sequences in one step: the only script that moves a counter.

KEYS, three per entry, all of one hash tag:
  sequence:INV           or {sequence:INV}:2026        string: the last value taken in order
  {sequence:INV}:state   or {sequence:INV}:2026:state  hash, see below
  {sequence:INV}:gaps    or {sequence:INV}:2026:gaps   hash: first value -> "last reason node time"

ARGV, one text per entry, words separated by one space:
  node call kind count initialSeq limit standbySize holding usedInPart seen [report ...]
  kind        take | join (the node may be unknown here) | leave (wants no standby) | advance (forward to "to:VALUE")
  holding     first value of the standby segment the node uses, or "-"
  usedInPart  1 when values of that segment were issued, else 0
  seen        highest value the node was given in order, or 0
  report      released:FIRST:USED   a standby segment given up, and how many of its values were issued
              returned:FIRST:LAST   values given back unused
              held:FIRST:LAST       (join) the segment named by holding
              range:FIRST:LAST      (join) the range of the node's last settled call
              to:VALUE              (advance) the value after which counting goes on

Returns one text per entry:
  taken FIRST LAST counter|returned STANDBY   STANDBY is keep, recall, or FIRST-LAST of a segment on offer
  nothing STANDBY                             count was 0
  exhausted LEFT STANDBY                      fewer than count values are left: none was taken
  advanced FROM TO, behind CURRENT            answers to advance
  stale CALL                                  an older call than the node's last one: nothing was done
  forgotten                                   node unknown, or the state is older than what the node has seen: nothing was done
  corrupt REASON                              what is stored cannot be used: nothing was done

State hash:
  value   copy of the counter: a counter that was evicted, deleted or set back does not count again
  ahead   "first:last:holder ...", rising: standby segments, and (holder "-") ranges accounted for elsewhere
  free    "first:last ...", rising: returned values, handed out before the counter goes on
  floor   where the last advance ended: nothing at or below it is handed out again
  n:NODE  "call time at near first last reply": its last call, when, the counter after it, the counter value from
          which its standby is looked at again, the last range it was given, the reply
  (run_id and ceiling are kept free for recovery)

Values are doubles below 10^15 and pairs of decimal halves above: exact to 2^64 - 1.
--]]
local NODES_MAX = 64 -- records of nodes kept per sequence before the oldest are folded into the gap record
local KEEP_SECONDS = 600 -- but none younger than this: a late copy of a call must still be recognised
local AHEAD_MAX = 256 -- beyond this many ahead ranges no standby is offered
local DISTANCE_CALLS = 8 -- a standby lies as far ahead as this many rounds of calls reach
local DISTANCE_MAX = 100000000
local VALUE_MAX = '18446744073709551615'
local now = redis.call('TIME')[1]
local format, match, floor = string.format, string.match, math.floor

-- Values ---------------------------------------------------------------------------------------------------------

local BASE = 10000000000
local wide = {}
local function pair(high, low)
  local carry = floor(low / BASE)
  return setmetatable({ high + carry, low - carry * BASE }, wide)
end
wide.__add = function(a, b)
  if type(b) == 'number' then return pair(a[1], a[2] + b) end
  return pair(a[1] + b[1], a[2] + b[2])
end
wide.__sub = function(a, b)
  if type(b) == 'number' then return pair(a[1], a[2] - b) end
  return pair(a[1] - b[1], a[2] - b[2])
end
wide.__lt = function(a, b) return a[1] < b[1] or (a[1] == b[1] and a[2] < b[2]) end
wide.__le = function(a, b) return a[1] < b[1] or (a[1] == b[1] and a[2] <= b[2]) end
wide.__eq = function(a, b) return a[1] == b[1] and a[2] == b[2] end
local function widen(text) return pair(tonumber(string.sub(text, 1, -11)) or 0, tonumber(string.sub(text, -10))) end

local function text(value)
  if type(value) == 'number' then return format('%.0f', value) end
  if value[1] == 0 then return format('%.0f', value[2]) end
  return format('%.0f%010.0f', value[1], value[2])
end

-- A difference as a double: exact below 2^53, near enough above for every use made of it.
local function distance(value)
  return type(value) == 'number' and value or value[1] * BASE + value[2]
end

local function least(a, b) return a < b and a or b end

local function checkDecimal(name, value)
  if not (value == '0' or match(value, '^[1-9]%d*$')) or #value > 20 or (#value == 20 and value > VALUE_MAX) then
    error({ err = name .. ' is not a decimal number up to 2^64 - 1' })
  end
end

-- Planning: `s` is one entry with its state; nothing is written before the whole plan stands ------------------------

local function readRanges(s, field, source)
  local ranges = {}
  local rest = string.gsub(source, '(%d+):(%d+):?(%S*) ?', function(first, last, holder)
    ranges[#ranges + 1] = { s.number(first), s.number(last), holder }
    return ''
  end)
  if rest ~= '' then error({ err = field .. ' of the state is unreadable' }) end
  return ranges
end

local function writeRanges(ranges)
  local words = {}
  for i, range in ipairs(ranges) do
    words[i] = text(range[1]) .. ':' .. text(range[2]) .. (range[3] == '' and '' or ':' .. range[3])
  end
  return table.concat(words, ' ')
end

-- Puts a range into a rising list, and joins it to neighbours of the same holder when nobody holds them.
local function insert(ranges, first, last, holder)
  local at = 1
  while ranges[at] and ranges[at][1] < first do at = at + 1 end
  table.insert(ranges, at, { first, last, holder })
  if #holder > 1 then return end
  for i = at, at - 1, -1 do
    local low, high = ranges[i], ranges[i + 1]
    if low and high and low[3] == holder and high[3] == holder and low[2] + 1 == high[1] then
      low[2] = high[2]
      table.remove(ranges, i + 1)
    end
  end
end

local function find(ranges, first, holder)
  for i, range in ipairs(ranges) do
    if range[3] == holder and text(range[1]) == first then return i end
  end
end

local function gap(s, first, last, reason, node)
  local gaps = s.gaps
  gaps[#gaps + 1] = text(first)
  gaps[#gaps + 1] = text(last) .. ' ' .. reason .. ' ' .. node .. ' ' .. now
end

-- Takes a range of this node out of the gap record. Returns its last value, or nothing when it is not there.
local function ungap(s, first)
  local entry = redis.call('HGET', s.gapsKey, first)
  local last, node = match(entry or '', '^(%d+) %S+ (%S+)')
  if node ~= s.node then return end
  s.found[#s.found + 1] = first
  return s.number(last)
end

-- Values that come back unused are handed out again first, but nothing at or below the floor: that goes to the gap record.
local function sweepFree(s, reason)
  while s.free[1] and s.free[1][1] <= s.floor do
    local range = table.remove(s.free, 1)
    gap(s, range[1], least(range[2], s.floor), reason, '-')
    if s.floor < range[2] then table.insert(s.free, 1, { s.floor + 1, range[2], '' }) end
  end
end

local function release(s, first, used)
  local at = find(s.ahead, first, s.node)
  if at then
    local segment = table.remove(s.ahead, at)
    if used > 0 then insert(s.ahead, segment[1], segment[1] + (used - 1), '-') end
    return
  end
  local last = ungap(s, first)
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
  while s.value < target do
    local range = s.ahead[1]
    local stop = range and range[1] <= target and range[1] + -1 or target
    if s.value < stop and reason then gap(s, s.value + 1, stop, reason, '-') end
    s.value = stop
    if range and range[1] <= target then jump(s) end
  end
  s.floor = s.value
end

local function valuesLeft(s)
  local left = s.value < s.limit and s.limit - s.value or s.number('0')
  for _, range in ipairs(s.ahead) do
    if range[1] <= s.limit then left = left - (least(range[2], s.limit) - range[1]) + -1 end
  end
  for _, range in ipairs(s.free) do
    if range[1] <= s.limit then left = left + (least(range[2], s.limit) - range[1]) + 1 end
  end
  return left
end

local function take(s)
  if s.count == 0 then return 'nothing' end
  local left = valuesLeft(s)
  if left < s.number(format('%.0f', s.count)) then return 'exhausted ' .. text(left) end
  local free = s.free[1]
  if free and free[1] <= s.limit then
    s.first, s.last = free[1], least(free[1] + (s.count - 1), least(free[2], s.limit))
    table.remove(s.free, 1)
    if s.last < free[2] then table.insert(s.free, 1, { s.last + 1, free[2], '' }) end
    return 'taken ' .. text(s.first) .. ' ' .. text(s.last) .. ' returned'
  end
  while s.ahead[1] and s.ahead[1][1] <= s.value + 1 do jump(s) end
  s.first, s.last = s.value + 1, s.value + s.count -- below the limit, for as many are left
  if s.ahead[1] then s.last = least(s.last, s.ahead[1][1] + -1) end
  s.value = s.last
  return 'taken ' .. text(s.first) .. ' ' .. text(s.last) .. ' counter'
end

-- Reserves a segment in the first hole far enough ahead. Near the limit distance and size shrink, to nothing at last.
local function reserveStandby(s)
  local room = s.value < s.limit and distance(s.limit - s.value) or 0
  local size = math.min(s.size, floor(room / 4))
  if size == 0 or #s.ahead >= AHEAD_MAX then return end
  local from = s.at < s.floor and s.floor or s.at
  local moved = from < s.value and distance(s.value - from) or 0
  local first = s.value + (math.min(math.max(size, DISTANCE_CALLS * moved), floor(room / 2), DISTANCE_MAX) + 1)
  for _, range in ipairs(s.ahead) do
    if range[1] <= first + (size - 1) and first <= range[2] then first = range[2] + 1 end
  end
  local last = least(first + (size - 1), s.limit)
  if last < first then return end
  insert(s.ahead, first, last, s.node)
  return { first, last, s.node }
end

local function offer(segment) return text(segment[1]) .. '-' .. text(segment[2]) end

local function nearOf(s, segment) return text(segment[1] + -floor(distance(segment[1] - s.value) / 2)) end

-- Says what becomes of the node's standby, and from which counter value on that must be looked at again.
local function standby(s, exhausted)
  if s.kind == 'leave' or s.kind == 'advance' then return 'keep', '-' end
  if exhausted or s.size == 0 then return s.holding == '-' and 'keep' or 'recall', '-' end
  local held
  for _, range in ipairs(s.ahead) do
    if range[3] == s.node then
      if text(range[1]) ~= s.holding then return offer(range), nearOf(s, range) end
      held = range
    end
  end
  local near = held and s.near ~= '-' and s.number(s.near) <= s.value
  if held and not near and not s.used then return 'keep', s.near == '-' and nearOf(s, held) or s.near end
  local segment = reserveStandby(s)
  if segment then return offer(segment), nearOf(s, segment) end
  if s.holding ~= '-' and (near or not held) then return 'recall', '-' end
  return 'keep', '-'
end

-- A long silent node is forgotten: what it may still have held goes to the gap record, its standby is never reused.
local function foldNode(s, node, range)
  s.forgotten[#s.forgotten + 1] = 'n:' .. node
  local first, last = match(range, '^(%d+) (%d+)')
  if first then gap(s, s.number(first), s.number(last), 'node-crash', node) end
  for i = #s.ahead, 1, -1 do
    local segment = s.ahead[i]
    if segment[3] == node then
      gap(s, segment[1], segment[2], 'node-crash', node)
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
  if s.range and ungap(s, s.range[1]) then s.kept = s.range[1] .. ' ' .. s.range[2] end
  if s.held and not find(s.ahead, s.held[1], s.node) and redis.call('HEXISTS', s.gapsKey, s.held[1]) == 0 then
    local first, last = s.number(s.held[1]), s.number(s.held[2])
    if s.value < first then insert(s.ahead, first, last, s.node) end
  end
end

local function readReport(s)
  local to
  for what, a, b in string.gmatch(s.report, '(%a+):(%d+):?(%d*)') do
    if what == 'released' then release(s, a, tonumber(b))
    elseif what == 'returned' then insert(s.free, s.number(a), s.number(b), '') s.kept = '- -'
    elseif what == 'to' then to = a
    else s[what] = { a, b } end
  end
  if s.kind == 'leave' then
    for i = #s.ahead, 1, -1 do
      if s.ahead[i][3] == s.node then table.remove(s.ahead, i) end
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
  checkDecimal('floor of the state', state[4] or '0')
  local longest = math.max(#(s.counter or ''), #(s.copy or ''), #s.initial, #s.seen, #(match(s.report, 'to:(%d+)') or ''))
  s.number = longest < 16 and tonumber or widen
  s.limit, s.seen, s.floor = s.number(s.limit), s.number(s.seen), s.number(state[4] or '0')
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

-- The common case in few steps: nothing to settle, nothing ahead in reach, the standby well placed.
local function takeNext(s, state, near)
  local value, last = tonumber(s.counter), tonumber(s.counter) + s.count
  if value < tonumber(s.initial) or value < tonumber(s.seen) or tonumber(s.limit) < last then return end
  if (tonumber(near) or 0) <= last or (tonumber(match(state[2], '^%d+')) or last + 1) <= last then return end
  local range = format('%.0f %.0f', value + 1, last)
  local after = format('%.0f', last)
  local reply = 'taken ' .. range .. ' counter keep'
  redis.call('SET', s.counterKey, after)
  redis.call('HSET', s.stateKey, 'value', after, 'n:' .. s.node,
    s.call .. ' ' .. now .. ' ' .. after .. ' ' .. near .. ' ' .. range .. ' ' .. reply)
  return reply
end

local function serve(i)
  local s = { counterKey = KEYS[3 * i - 2], stateKey = KEYS[3 * i - 1], gapsKey = KEYS[3 * i] }
  local count, size, used
  s.node, s.call, s.kind, count, s.initial, s.limit, size, s.holding, used, s.seen, s.report =
    match(ARGV[i], '^(%S+) (%d+) (%a+) (%d+) (%d+) (%d+) (%d+) (%S+) ([01]) (%d+)(.*)$')
  if not s.node then error({ err = 'the entry is unreadable' }) end
  s.count, s.size, s.used = tonumber(count), tonumber(size), used == '1'
  local state = redis.call('HMGET', s.stateKey, 'value', 'ahead', 'free', 'floor', 'n:' .. s.node)
  local record = state[5]
  if record then
    local last, reply = match(record, '^(%d+) %d+ %d+ %S+ %S+ %S+ (.*)$')
    if not last then error({ err = 'the record of node ' .. s.node .. ' is unreadable' }) end
    if s.call == last then return reply end
    if tonumber(s.call) < tonumber(last) then return 'stale ' .. last end
  elseif s.kind ~= 'join' and s.kind ~= 'advance' then
    return 'forgotten'
  end
  s.counter, s.copy = redis.call('GET', s.counterKey), state[1]
  if record and s.kind == 'take' and s.report == '' and s.count > 0 and not s.used and s.holding ~= '-'
    and s.counter == s.copy and state[3] == '' and #s.counter < 16 and #s.initial < 16 and #s.seen < 16 then
    local reply = takeNext(s, state, match(record, '^%d+ %d+ %d+ (%S+)'))
    if reply then return reply end
  end
  return work(s, state, record)
end

local replies = {}
for i = 1, #ARGV do
  local served, reply = pcall(serve, i)
  replies[i] = served and reply or 'corrupt ' .. (type(reply) == 'table' and reply.err or tostring(reply))
end
return replies
