#!lua
-- Stores how far sequences of the ledger in PostgreSQL have changed. These marks only rise, so the order in which the nodes
-- report does not matter.
--
-- KEYS[1]  {ledger}:known   hash: "prefix period" -> "changes value", both decimal
-- ARGV     prefix and period, changes, value; again for each further sequence
-- Returns how many sequences these were.

-- Decimal texts without leading zeros: Lua's numbers would round them.
local function higher(one, other)
  if #one ~= #other then return #one > #other and one or other end
  return one > other and one or other
end

for at = 1, #ARGV, 3 do
  local changes, value = string.match(redis.call('HGET', KEYS[1], ARGV[at]) or '', '^(%d+) (%d+)$')
  local mark = higher(changes or '0', ARGV[at + 1]) .. ' ' .. higher(value or '0', ARGV[at + 2])
  redis.call('HSET', KEYS[1], ARGV[at], mark)
end
return #ARGV / 3
