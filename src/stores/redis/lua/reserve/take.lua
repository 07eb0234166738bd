-- Part of reserve.lua: handing out the next values, and how many are left. With a `window` the ceiling moves on with the counter.

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
  if s.closed then return 'closed' end
  local left = valuesLeft(s)
  if left < s.number(format('%.0f', s.count)) then return 'exhausted ' .. text(left) end
  local free = s.free[1]
  if free and free[1] <= s.limit then
    s.first, s.last = free[1], least(free[1] + (s.count - 1), least(free[2], s.limit))
    table.remove(s.free, 1)
    if s.last < free[2] then table.insert(s.free, 1, { s.last + 1, free[2], '' }) end
    s.changed = true
    return 'taken ' .. text(s.first) .. ' ' .. text(s.last) .. ' returned'
  end
  while s.ahead[1] and s.ahead[1][1] <= s.value + 1 do jump(s) end
  local bound = s.window == 0 and s.ceiling < s.limit and s.ceiling or s.limit
  if bound <= s.value then return 'ceiling' end
  s.first, s.last = s.value + 1, least(s.value + s.count, bound)
  if s.ahead[1] then s.last = least(s.last, s.ahead[1][1] + -1) end
  s.value = s.last
  return 'taken ' .. text(s.first) .. ' ' .. text(s.last) .. ' counter'
end
