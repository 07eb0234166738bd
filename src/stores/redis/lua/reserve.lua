#!lua
-- Takes ranges of consecutive values from many counters in one call.
-- The first line makes a read-only, loading or full server refuse before the script starts.
--
-- KEYS[i]            the counter of entry i: the last value taken, a decimal string (absent: nothing taken yet)
-- ARGV[3i - 2]       how many values entry i wants, 1 to 2^53 - 1
-- ARGV[3i - 1]       its initialSeq: the value before the first, decimal
-- ARGV[3i]           its limit: the highest value that may be taken, decimal, at most 2^64 - 1
-- Returns three strings an entry: "taken", first, last
--                              or "exhausted", values left, ""     (nothing was changed)
--                              or "corrupt", reason, ""            (nothing was changed)
--
-- Lua numbers are doubles, exact only below 2^53: values are decimal strings, added in two halves of ten digits.

local HALF = 10000000000

local function decimal(number)
  return string.format('%.0f', number)
end

local function halves(text)
  if #text <= 10 then return 0, tonumber(text) end
  return tonumber(string.sub(text, 1, -11)), tonumber(string.sub(text, -10))
end

local function join(high, low)
  if high == 0 then return decimal(low) end
  return decimal(high) .. string.format('%010.0f', low)
end

local function add(text, number)
  local high, low = halves(text)
  low = low + number
  local carry = math.floor(low / HALF)
  return join(high + carry, low - carry * HALF)
end

local function subtract(larger, smaller)
  local high, low = halves(larger)
  local smaller_high, smaller_low = halves(smaller)
  high, low = high - smaller_high, low - smaller_low
  if low < 0 then
    high, low = high - 1, low + HALF
  end
  return join(high, low)
end

local function less(a, b)
  if #a ~= #b then return #a < #b end
  return a < b
end

local U64_MAX = '18446744073709551615'

-- Redis keeps counters as operators wrote them: anything but a canonical u64 would make the arithmetic lie.
local function is_value(text)
  return #text <= 20 and (text == '0' or string.find(text, '^[1-9]%d*$') ~= nil) and not less(U64_MAX, text)
end

local reply = {}
for i = 1, #KEYS do
  local count, value, limit = tonumber(ARGV[3 * i - 2]), ARGV[3 * i - 1], ARGV[3 * i]
  local stored = redis.pcall('GET', KEYS[i])
  local status, one, other
  if type(stored) == 'table' then
    status, one, other = 'corrupt', 'the counter is not a string', ''
  elseif stored and not is_value(stored) then
    status, one, other = 'corrupt', 'the counter is not a whole number from 0 to ' .. U64_MAX, ''
  else
    if stored and less(value, stored) then value = stored end
    local left = less(value, limit) and subtract(limit, value) or '0'
    if less(left, decimal(count)) then
      status, one, other = 'exhausted', left, ''
    else
      status, one, other = 'taken', add(value, 1), add(value, count)
      redis.call('SET', KEYS[i], other)
    end
  end
  reply[3 * i - 2], reply[3 * i - 1], reply[3 * i] = status, one, other
end
return reply
