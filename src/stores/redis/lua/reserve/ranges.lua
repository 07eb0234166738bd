-- Part of reserve.lua: rising lists of ranges, and the entries of the gap record.
-- `s` is one entry with its state: it collects the plan, and nothing is written before the whole plan stands.

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

local function gap(s, first, last, reason, node)
  local gaps = s.gaps
  gaps[#gaps + 1] = text(first)
  gaps[#gaps + 1] = text(last) .. ' ' .. reason .. ' ' .. node .. ' ' .. now
end
