-- Part of reserve.lua: values as doubles below 10^15, as pairs of decimal halves above; exact to 2^64 - 1.

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
