-- Part of reserve.lua: entries with a receipt. Values and receipt are written in the same step; where the receipt is found,
-- nothing is taken.

local RECEIPT_MS = 86400000

-- A recovery waits for the nodes it has heard of lately: so this node must count among them, though the entry is no numbered call.
local function signOfLife(s, trusted)
  local call, at, rest = match(s.record, '^(%d+) (%d+) (.*)$')
  if trusted then rest = string.gsub(rest, '^(%d+ %S+) %- %-', '%1 ' .. trusted) end
  return (at ~= now or trusted) and call .. ' ' .. now .. ' ' .. rest or nil
end

-- All the values, however many ranges they lie in; or why there are none.
local function takeAll(s)
  local ranges = {}
  while s.count > 0 do
    local taken = take(s)
    if taken == 'ceiling' then return nil, 'ceiling ' .. text(s.value) end
    if not s.first then return nil, taken .. ' keep' end
    -- The epoch stands behind the first range, where an earlier release reads past it.
    ranges[#ranges + 1] = text(s.first) .. '-' .. text(s.last) .. (#ranges == 0 and format('-%.0f', s.served) or '')
    s.count = s.count - (distance(s.last - s.first) + 1)
  end
  return table.concat(ranges, ',')
end

-- What this state lost may have been handed out again: a receipt of before is good only up to where counting went on.
local function isVoid(s, receipt)
  local losses = redis.call('HGET', s.stateKey, 'receipts')
  if not losses then return false end
  local ranges = match(receipt, '^%S+ %d+ (%S+)')
  local epoch = tonumber(match(ranges, '^%d+%-%d+%-(%d+)') or '0')
  for since, bound in string.gmatch(losses, '(%d+):(%d+)') do
    if epoch < tonumber(since) then
      for last in string.gmatch(ranges, '%d+%-(%d+)') do
        if widen(bound) < widen(last) then return true end
      end
    end
  end
  return false
end

local function once(s, state)
  local hash, fingerprint, at, rest = match(s.report, '^ (%S+) (%S+) (%d+) (%S+ .*)$')
  local key = s.receiptKey
  if not hash or string.sub(key or '', -#hash) ~= hash then error({ err = 'the receipt of the entry is unreadable' }) end
  local receipt = redis.call('GET', key)
  if receipt then
    local whose, since = match(receipt, '^(%S+) (%d+) ')
    if not whose then error({ err = 'the receipt is unreadable' }) end
    if tonumber(at) - tonumber(since) < RECEIPT_MS and not isVoid(s, receipt) then
      local record = signOfLife(s)
      if record then redis.call('HSET', s.stateKey, 'n:' .. s.node, record) end
      local fence = format(' %.0f ', s.served) .. s.ceiling .. ' 0'
      return whose == fingerprint and 'receipt old keep' .. fence .. ' ' .. receipt or 'conflict' .. fence
    end
  end
  read(s, state, s.record)
  if isRecordLost(s) then return 'recovering' end
  local trusted = trust(s, s.record)
  catchUp(s)
  if s.value < s.seen then return 'recovering' end
  local ranges, refusal = takeAll(s)
  if refusal then return refusal .. suffix(s) end
  receipt = table.concat({ fingerprint, at, ranges, rest }, ' ')
  local near = s.near ~= '-' and s.number(s.near) <= s.value
  write(s, signOfLife(s, trusted))
  redis.call('SET', key, receipt, 'PX', RECEIPT_MS)
  return 'receipt new ' .. (near and 'near' or 'keep') .. suffix(s) .. ' ' .. receipt
end
