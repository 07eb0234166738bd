-- Part of reserve.lua: what nodes report for a recovery, and the ceiling when others keep it.
--[[
  report | late   Entry: epoch = the epoch the node asks for; call = its last settled call; seen; holding; then the words
                  held:FIRST:LAST   the standby segment it holds, which `holding` names
                  taken:FIRST:LAST  values it was given, in order or ahead, and has not given back
                  at:EPOCH          the epoch in which its last call was settled
                  last:FIRST:LAST   what its last numbered call brought, or last:-; an earlier release does not say it
                  pending:CALL      the call whose outcome it does not know, or 0; an earlier release does not say it
                  rec:SERVER:TIME   the recovery it reports for: a late copy of an earlier report does not count
                  top:VALUE         the highest value it was given or holds
                  brief             the same as before: nothing else is said
                  `report` comes from a node that has sworn off all epochs below `epoch`; `late` from one that only needs to be known.
    reported                        the sequence is served, and knows this node
    waiting SERVER TIME MS EPOCH CEILING HIGHEST REPORTED MISSING SWORN
                                    a recovery that began at TIME has been under way on SERVER for MS; EPOCH and CEILING served until then;
                                    the highest value known; the nodes that have reported, and those of the last minute that have not
                                    ("," or "-"); the lowest epoch in which one that has reported may still count, or 0
    recovering                      `late` is not enough
  raise           the word ceiling:VALUE; in the epoch served. Answers raised, or outrun
  propose         the same, to be found by a recovery, not yet in force. Answers proposed, or outrun
  account         epoch = the epoch it is read for, or 0. Answers account VALUE CHANGES [origin:VALUE] gap:FIRST:LAST:REASON:HOLDER:TIME …
--]]

-- Nodes heard of within this many seconds before the last sign of life must report, when nobody registers nodes.
local RECENT_SECONDS = 60
-- A first contact that takes longer is one that others must hear of: somebody may have counted since this node looked.
local FIRST_CONTACT_MICROS = 500000

local function rangesOf(s, report, list)
  for first, last in string.gmatch(report, ' taken:(%d+):(%d+)') do list[#list + 1] = { s.number(first), s.number(last) } end
  return list
end

local function heldOf(s, report)
  local first, last = match(report, ' held:(%d+):(%d+)')
  if first then return s.number(first), s.number(last) end
end

-- The numbers that decide how exact the arithmetic must be: values, no times and no names.
local function valuesIn(report)
  local list = {}
  for first, last in string.gmatch(report, ':(%d+):(%d+)') do list[#list + 1] = first .. ' ' .. last end
  return table.concat(list, ' ')
end

-- Values that nodes were given: not missing, and never handed out again.
local function claim(s, claims)
  explain(s, claims)
  local list, at, covered = {}, 1, s.value
  local function put(first, last, holder)
    local latest = list[#list]
    if holder == '-' and latest and latest[3] == '-' and latest[2] + 1 == first then latest[2] = last
    else list[#list + 1] = { first, last, holder } end
    if covered < last then covered = last end
  end
  for _, range in ipairs(claims) do
    while s.ahead[at] and s.ahead[at][1] <= range[2] do
      local ahead = s.ahead[at]
      local first = covered < range[1] and range[1] or covered + 1
      if first < ahead[1] then put(first, ahead[1] + -1, '-') end
      put(ahead[1], ahead[2], ahead[3])
      at = at + 1
    end
    local first = covered < range[1] and range[1] or covered + 1
    if first <= range[2] then put(first, range[2], '-') end
  end
  for i = at, #s.ahead do put(s.ahead[i][1], s.ahead[i][2], s.ahead[i][3]) end
  s.ahead = list
end

-- The segment a node holds. Behind the counter it is missing until the node gives it up; ahead it stays the node's.
local function hold(s, holder, first, last)
  if find(s.ahead, text(first), holder) then return end
  local alone = true
  for _, range in ipairs(s.ahead) do
    if range[1] <= last and first <= range[2] then alone = false end
  end
  if s.value < first then
    if alone then insert(s.ahead, first, last, holder) end
    return
  end
  if s.value < last and alone then s.value = last end
  if s.value < last then
    claim(s, { { s.value + 1, last } })
    last = s.value
  end
  doubt(s, first, last, 'node-crash', holder)
end

-- What a node was given last in a numbered call, by its own account: it may give that back yet, and what a receipt or a standby has brought
-- stands elsewhere.
local function lastTaken(report)
  local from, to = match(report, ' last:(%d+):(%d+)')
  if from then return from .. ' ' .. to end
  if string.find(report, ' last:-', 1, true) then return '- -' end
  local first, last = match(report, '^.* taken:(%d+):(%d+)')
  return first and first .. ' ' .. last or '- -'
end

local function settledRecord(s, call, report)
  return table.concat({ call, now, text(s.value), '-', lastTaken(report), format('%.0f', s.served), 'nothing keep' }, ' ')
end

-- Dates a record that the node knows of to the present epoch.
local function renewedRecord(s, record, report)
  local head, near, range, reply = match(record, '^(%d+ %d+) %d+ (%S+) (%S+ %S+) %d+( .*)$')
  -- A recovery had doubted it. What the node has not read yet stays in doubt until its next call.
  if range == '- -' and match(report, ' pending:(%d+)') ~= match(record, '^%d+') then range = lastTaken(report) end
  -- With the present counter, for what a recovery jumped over was not taken by anybody.
  return table.concat({ head, text(s.value), near, range, format('%.0f', s.served) }, ' ') .. reply
end

-- Whether a record says at least as much of a node as that has settled, in the same course of events: on two servers that
-- have parted, calls of the same number may have brought different ranges. Beyond what is settled, it can only be of the
-- call that is pending: a node that has left and begun anew has forgotten what stands in an older record. A second result says
-- that it is of that call, whose reply the node has not read.
local function isCurrent(record, call, report)
  local last, epoch = match(record or '', '^(%d+) %d+ %d+ %S+ %S+ %S+ (%d+) ')
  local settled, at = tonumber(call), tonumber(match(report, ' at:(%d+)') or '0')
  if not last then return settled == 0 end
  last, epoch = tonumber(last), tonumber(epoch)
  local pending = tonumber(match(report, ' pending:(%d+)') or last)
  local unread = settled < last and pending == last and at <= epoch
  return (settled == last and at == epoch) or unread, unread
end

local function isRenewed(record, call, report)
  local last, epoch = match(record, '^(%d+) %d+ %d+ %S+ %S+ %S+ (%d+) ')
  return last == call and tonumber(match(report, ' at:(%d+)') or '0') < tonumber(epoch)
end

-- The sequence is served, and went on without this node.
local function late(s)
  local last = tonumber(match(s.record or '', '^(%d+) '))
  local pending = tonumber(match(s.report, ' pending:(%d+)') or '0')
  -- The state knows more of the node than this report, which may be a late copy of an earlier one; but not when all that it knows more
  -- is the call whose outcome the node waits for.
  if last and tonumber(s.call) < last and pending ~= last then return 'reported' .. suffix(s) end
  if isRecordLost(s) then return 'recovering' end
  loadGaps(s)
  catchUp(s)
  if s.value < s.seen then passOver(s, s.seen, 'recovery-jump') end
  claim(s, union(rangesOf(s, s.report, {})))
  local first, upto = heldOf(s, s.report)
  if first then hold(s, s.node .. '@' .. s.holding, first, upto) end
  if not s.record then foldOldNodes(s) end
  -- When the record of that call is dated later than the node knows, a copy of this very report was taken in before.
  local current = s.record and (isCurrent(s.record, s.call, s.report) or isRenewed(s.record, s.call, s.report))
  write(s, current and renewedRecord(s, s.record, s.report) or settledRecord(s, s.call, s.report))
  return 'reported' .. suffix(s)
end

local function readState(s)
  local state, list = {}, redis.call('HGETALL', s.stateKey)
  for i = 1, #list, 2 do state[list[i]] = list[i + 1] end
  return state
end

-- What is known of a recovery under way, for the nodes to decide whether it can be finished.
local function describe(s, since)
  local state = readState(s)
  local reported, missing, newest, served, sworn = {}, {}, 0, s.served, nil
  local highest = widen(s.copy or s.counter or s.initial)
  local function raise(value) if highest < value then highest = value end end
  raise(widen(s.initial))
  for field, entry in pairs(state) do
    local at = match(field, '^n:') and tonumber(match(entry, '^%d+ (%d+)'))
    if at and newest < at then newest = at end
  end
  for field, entry in pairs(state) do
    local kind, node = match(field, '^([nr]):(.*)$')
    if kind == 'r' then
      reported[#reported + 1] = node
      local epoch, top = match(entry, '^(%d+) %d+ %d+ (%d+)')
      served = math.max(served, tonumber(epoch) - 1)
      sworn = math.min(sworn or tonumber(epoch), tonumber(epoch))
      raise(widen(top))
    elseif kind == 'n' and not state['r:' .. node] and not match(entry, ' nothing left$')
      and not match(entry, ' advanced %d+ %d+$') and newest - tonumber(match(entry, '^%d+ (%d+)')) <= RECENT_SECONDS then
      missing[#missing + 1] = node
    end
  end
  local function join(list) return #list == 0 and '-' or table.concat(list, ',') end
  local ceiling = state.proposed and widen(s.ceiling) < widen(state.proposed) and state.proposed or s.ceiling
  local elapsed = math.max(0, floor((nowMicros - since) / 1000))
  return table.concat({ 'waiting', server(s.index), format('%.0f', since), format('%.0f', elapsed), format('%.0f', served), ceiling,
    text(highest), join(reported), join(missing), format('%.0f', sworn or 0) }, ' ')
end

-- Calls all nodes for reports. The prefix of our keys stands before the name of the channel, too; what stands behind it is put in
-- when the script is loaded. A user that may not use the channel costs time and no numbers: idle nodes report by themselves.
local function callForReports(s)
  local key = KEYS[3 * s.index - 2]
  redis.pcall('PUBLISH', match(key, '^{?(.-)sequence:') .. 'sequences:recovering', key)
end

-- A brief report says only that its node is still there: the store has the whole one.
local function isBrief(s) return string.find(s.report, ' brief', 1, true) end

local function report(s, state)
  local brief = isBrief(s)
  if s.who == server(s.index) and s.epoch <= s.served then
    if not brief then
      s.texts = { s.counter or '', s.copy or '', s.initial, s.seen, s.ceiling, valuesIn(s.report) }
      read(s, state, s.record)
      return late(s)
    end
    local epoch = match(s.record or '', '^%d+ %d+ %d+ %S+ %S+ %S+ (%d+) ')
    if tonumber(epoch) ~= s.served then return 'recovering' end -- it went on without the report
    -- Or the node has counted on another server since, and its latest report is there.
    local recovered = redis.call('HGET', s.stateKey, 'recovered')
    if recovered and not string.find(s.report .. ' ', ' rec:' .. recovered .. ' ', 1, true) then return 'recovering' end
    return 'reported' .. format(' %.0f ', s.served) .. s.ceiling .. ' 0'
  end
  if s.counter then checkDecimal('counter', s.counter) end
  if s.copy then checkDecimal('value of the state', s.copy) end
  if s.kind == 'late' then return 'recovering' end
  -- The node has found no epoch where those are kept, and there is nothing here either: nobody else has anything to report.
  local isFirstContact = s.epoch == 1 and s.served == 0 and not s.copy and not s.counter
  local who, since = match(redis.call('HGET', s.stateKey, 'rec') or '', '^(%S+) (%d+)$')
  if who ~= server(s.index) then
    since = format('%.0f', nowMicros)
    for field in pairs(readState(s)) do
      if match(field, '^r:') then redis.call('HDEL', s.stateKey, field) end
    end
    redis.call('HSET', s.stateKey, 'rec', server(s.index) .. ' ' .. since, 'version', VERSION, 'fence',
      '- ' .. format('%.0f ', s.served) .. s.ceiling)
    if not isFirstContact then callForReports(s) end
  end
  if string.find(s.report, ' rec:' .. server(s.index) .. ':' .. since, 1, true) then
    if brief then
      -- A node without a connection did not hear of it.
      if not isFirstContact or nowMicros - since > FIRST_CONTACT_MICROS then callForReports(s) end
      if redis.call('HEXISTS', s.stateKey, 'r:' .. s.node) == 0 then return 'recovering' end
    else
      local top = match(s.report, ' top:(%d+)') or s.seen
      redis.call('HSET', s.stateKey, 'r:' .. s.node,
        table.concat({ format('%.0f', s.epoch), s.call, s.seen, top, s.holding }, ' ') .. s.report)
    end
  end
  return describe(s, tonumber(since))
end

local function raise(s)
  local ceiling = match(s.report, ' ceiling:(%d+)')
  if s.who ~= server(s.index) or s.epoch ~= s.served or not ceiling then return 'outrun' end
  if s.kind == 'propose' then
    redis.call('HSET', s.stateKey, 'proposed', ceiling)
    return 'proposed'
  end
  if widen(s.ceiling) < widen(ceiling) then
    redis.call('HSET', s.stateKey, 'fence', format('%s %.0f ', s.who, s.served) .. ceiling)
    s.ceiling = ceiling
  end
  return 'raised ' .. format('%.0f ', s.served) .. s.ceiling .. ' 0'
end

-- Everything up to the counter that was not issued, or of which only its holder can say.
local function account(s, state)
  if s.who ~= server(s.index) or not s.copy or (s.epoch > 0 and s.epoch ~= s.served) then return 'outrun' end
  read(s, state, nil)
  if s.gapsKept > redis.call('HLEN', s.gapsKey) then return 'outrun' end -- not to be written over the account that is kept
  loadGaps(s)
  catchUp(s)
  for _, range in ipairs(s.free) do gap(s, range[1], range[2], 'recovery-jump', '-') end
  local lasts = {}
  for field, record in pairs(readState(s)) do
    local node = match(field, '^n:(.*)$')
    local first, last = match(record, '^%d+ %d+ %d+ %S+ (%d+) (%d+)')
    -- Ahead of the counter it was of a standby, and is no part of what the account speaks of.
    if node and first and s.number(first) <= s.value then lasts[#lasts + 1] = { s.number(first), s.number(last), node } end
  end
  -- Two nodes may each have been given the values of one receipt.
  doubtAll(s, lasts, 'node-crash')
  local list = { 'account', text(s.value), redis.call('HGET', s.stateKey, 'changes') or '0' }
  if s.begun then list[#list + 1] = 'origin:' .. s.begun end
  for _, entry in ipairs(s.list) do
    list[#list + 1] = 'gap:' .. text(entry[1]) .. ':' .. text(entry[2]) .. ':' .. string.gsub(entry[3], ' ', ':')
  end
  return table.concat(list, ' ')
end
