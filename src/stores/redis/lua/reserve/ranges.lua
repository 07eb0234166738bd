-- Part of reserve.lua: rising lists of ranges, and the entries of the gap record.
-- `s` is one entry with its state, declared in reserve.lua: it collects the plan, and nothing is written before the whole plan stands.

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

-- By both: a join repeated after its node was forgotten can give its name to a second segment.
local function find(ranges, first, holder)
  for i, range in ipairs(ranges) do
    if range[3] == holder and text(range[1]) == first then return i end
  end
end

-- Whether this node holds the range; a second result names the call that offered it.
local function isHeldBy(range, node)
  local holder, call = match(range[3], '^(.*)@(%d+)$')
  return holder == node, call
end

-- The gap record as a list, for work that looks through all of it; from then on it is written as a whole.
local function loadGaps(s)
  if s.list then return end
  local gone, added, stored = {}, s.gaps, redis.call('HGETALL', s.gapsKey)
  for _, first in ipairs(s.found) do gone[first] = true end
  s.list, s.found, s.gaps = {}, {}, {}
  -- What this entry has taken out and entered so far counts too.
  for i = 1, #added, 2 do stored[#stored + 1], stored[#stored + 2] = added[i], added[i + 1] end
  local kept = #stored - #added
  for i = 1, #stored, 2 do
    local last, rest = match(stored[i + 1], '^(%d+) (.*)$')
    if last and (i > kept or not gone[stored[i]]) then
      s.list[#s.list + 1] = { s.number(stored[i]), s.number(last), rest }
    end
  end
end

local function gap(s, first, last, reason, node, at)
  s.changed = true
  local rest = reason .. ' ' .. node .. ' ' .. (at or now)
  if s.list then
    s.list[#s.list + 1] = { first, last, rest }
    return
  end
  local gaps = s.gaps
  gaps[#gaps + 1] = text(first)
  gaps[#gaps + 1] = text(last) .. ' ' .. rest
end

-- Rising and without overlaps: what these ranges cover together.
local function union(ranges)
  table.sort(ranges, function(a, b) return a[1] < b[1] end)
  local list = {}
  for _, range in ipairs(ranges) do
    local latest = list[#list]
    if not latest or latest[2] + 1 < range[1] then list[#list + 1] = { range[1], range[2] }
    elseif latest[2] < range[2] then latest[2] = range[2] end
  end
  return list
end

-- What is left of rising entries { first, last, ... } without the values of a union. Only entries that `gives` names lose any.
local function without(entries, claims, gives)
  local left, at, lost = {}, 1, false
  for _, entry in ipairs(entries) do
    local from = entry[1]
    if gives(entry) then
      while claims[at] and claims[at][2] < from do at = at + 1 end
      local i = at
      while claims[i] and claims[i][1] <= entry[2] do
        if from < claims[i][1] then left[#left + 1] = { from, claims[i][1] + -1, entry[3] } end
        from, lost, i = claims[i][2] + 1, true, i + 1
      end
    end
    if from <= entry[2] then left[#left + 1] = { from, entry[2], entry[3] } end
  end
  return left, lost
end

local function always() return true end

local function isDoubtful(entry) return match(entry[3], '^node%-crash') or match(entry[3], '^recovery%-jump') end

-- Takes values that were issued after all out of the gap record.
local function explain(s, claims)
  if #claims == 0 then return end
  loadGaps(s)
  table.sort(s.list, function(a, b) return a[1] < b[1] end)
  local left, lost = without(s.list, claims, isDoubtful)
  s.list, s.changed = left, s.changed or lost
end

-- Enters ranges { first, last, node } into the gap record as ones of which nobody can say more; what is there for a better reason
-- stays. All of them at once, for each time the whole record is gone through.
local function doubtAll(s, ranges, reason)
  if #ranges == 0 then return end
  explain(s, union(ranges))
  local known, parted, last = {}, {}, nil
  for i, entry in ipairs(s.list) do known[i] = entry end
  for _, range in ipairs(ranges) do -- rising by now
    local first = last and range[1] <= last and last + 1 or range[1]
    if first <= range[2] then
      last = range[2]
      parted[#parted + 1] = { first, last, range[3] }
    end
  end
  for _, part in ipairs((without(parted, union(known), always))) do gap(s, part[1], part[2], reason, part[3]) end
end

local function doubt(s, first, last, reason, node) doubtAll(s, { { first, last, node } }, reason) end
