-- Part of reserve.lua: the end of a recovery. The reports are merged into the state, and counting goes on in a new epoch.
--[[
  install   Entry: epoch = the new epoch, 0 when nobody keeps epochs (then it is the time); and the words
            fence:SERVER:CEILING  the server that shall count, and the new ceiling
            since:EPOCH           all epochs from this one on were granted to this server; missing: the new one was
            time:TIME             when the recovery began that this ends: no other is ended by it
            base:VALUE            counting goes on above this value at least
            jump:VALUE            not all nodes have reported: counting goes on above the old ceiling
            origin:VALUE          where the sequence began, when that is kept elsewhere
            closed:CLOSURE        the closure of the sequence, as in the state, percent-encoded
            account:VALUE:CHANGES with gap:FIRST:LAST:REASON:HOLDER:TIME …: the last account that was kept elsewhere
    installed, or outrun when that recovery is over, or was begun anew
--]]

-- A state that is older than the account kept elsewhere, or empty, takes that one's place.
local function restore(s, changes)
  local value, dated = match(s.report, ' account:(%d+):(%d+)')
  if not value then return false end
  local stored, target = s.copy, s.number(value)
  if stored and (target < s.number(stored) or (target == s.number(stored) and tonumber(dated) <= changes)) then return false end
  s.list, s.free, s.changed, s.copy, s.advanced = {}, {}, true, value, nil
  for first, last, reason, holder, at in string.gmatch(s.report, ' gap:(%d+):(%d+):(%S-):(%S-):(%d+)') do
    gap(s, s.number(first), s.number(last), reason, holder, at)
  end
  redis.call('HSET', s.stateKey, 'changes', dated) -- accounts of the new epoch are dated on from here
  s.ahead = without(s.ahead, { { s.number('0'), target } }, always)
  return true
end

-- Whether nobody but this server can have counted since its state was last changed: an epoch that was granted and never installed
-- does not count. A state that was lost (served 0) does not know in which epochs this server has counted.
local function isUnbroken(s)
  if s.epoch <= s.served + 1 then return true end
  local since = match(s.report, ' since:(%d+)')
  return since ~= nil and s.served > 0 and tonumber(since) <= s.served + 1
end

local function readReports(s, state)
  local reports = {}
  for field, entry in pairs(state) do
    local node = match(field, '^r:(.*)$')
    if node then
      local epoch, call, seen, holding, rest = match(entry, '^(%d+) (%d+) (%d+) %d+ (%S+)(.*)$')
      epoch = tonumber(epoch)
      -- A node that has not sworn off every epoch below the new one may have gone on elsewhere since it reported.
      local isBound = s.epoch == 0 or s.epoch <= epoch
      local isKnown, unread = isCurrent(state['n:' .. node], call, rest)
      -- Nobody vouches for what stands in a reply that was not read: another server that has counted since has handed it out again.
      if unread and not isUnbroken(s) then isKnown = false end
      reports[#reports + 1] = { node = node, epoch = epoch, call = call, seen = s.number(seen), holding = holding,
        rest = rest, current = isBound and isKnown, unread = unread }
      reports[node] = reports[#reports]
    end
  end
  table.sort(reports, function(a, b) return a.node < b.node end)
  return reports
end

-- What the state says was given to a node last, and nobody can vouch for: missing, less what is claimed afterwards.
local function doubtLastRanges(s, state, reports, restored)
  local doubted = {}
  for field, record in pairs(state) do
    local node = match(field, '^n:(.*)$')
    local head, first, last, reply = match(record, '^(%d+ %d+ %d+ %S+) (%d+) (%d+)( .*)$')
    if node and first and not (reports[node] and reports[node].current) then
      doubted[#doubted + 1] = { s.number(first), s.number(last), node }
      redis.call('HSET', s.stateKey, field, head .. ' - -' .. reply)
    end
  end
  if restored then return end -- the account says what became of it
  -- By its own account a node was given some of a standby last: that lies ahead still, and is recorded whole when it is passed over.
  table.sort(doubted, function(a, b) return a[1] < b[1] end)
  doubtAll(s, (without(doubted, s.ahead, always)), 'recovery-jump')
end

-- The last ranges of these nodes, whose replies they may ask for again: neither missing nor free.
local function vouchForLastRanges(s, state, reports)
  local claims = {}
  for _, r in ipairs(reports) do
    local first, last = match(r.current and state['n:' .. r.node] or '', '^%d+ %d+ %d+ %S+ (%d+) (%d+) ')
    if first then claims[#claims + 1] = { s.number(first), s.number(last) } end
  end
  explain(s, union(claims))
end

-- A rolled back state has forgotten what became of the values given back, and of this node's segments.
local function merge(s, state, reports, restored)
  for _, range in ipairs(s.free) do gap(s, range[1], range[2], 'recovery-jump', '-') end
  s.free, s.changed = {}, true
  doubtLastRanges(s, state, reports, restored)
  for _, r in ipairs(reports) do
    for i = #s.ahead, 1, -1 do
      -- Of what it was offered up to its last settled call the node says itself what it holds.
      local mine, call = isHeldBy(s.ahead[i], r.node)
      if mine and (not r.current or tonumber(call) <= tonumber(r.call)) then table.remove(s.ahead, i) end
    end
  end
  local claims, vouched = {}, {}
  for _, r in ipairs(reports) do
    rangesOf(s, r.rest, claims)
    local first, last = heldOf(s, r.rest)
    if first then vouched[#vouched + 1] = { first, last } end
  end
  for _, range in ipairs(claims) do vouched[#vouched + 1] = range end
  -- Segments of nodes that have not reported give way to what others vouch for.
  s.ahead = without(s.ahead, union(vouched), function(range) return range[3] ~= '-' end)
  for _, r in ipairs(reports) do
    local first, last = heldOf(s, r.rest)
    if first then hold(s, r.node .. '@' .. r.holding, first, last) end
  end
  claim(s, union(claims))
end

-- While another server counted, an advance here may have passed over values that were issued there: what the account
-- does not know of as an advance is "not known to be issued" from now on.
local function doubtAdvances(s)
  if isUnbroken(s) then return end
  for _, entry in ipairs(s.list) do
    local known = ' gap:' .. text(entry[1]) .. ':' .. text(entry[2]) .. ':advance:'
    if match(entry[3], '^advance ') and not string.find(s.report, known, 1, true) then
      entry[3], s.changed = 'recovery-jump ' .. string.sub(entry[3], 9), true
    end
  end
end

local LOSSES_MAX = 16

-- What this state has lost is handed out again above `s.value`, or was by another server, or by a state that is gone: nobody knows
-- then up to where receipts of before are good. Of too many losses the two oldest become one that is at least as strict.
local function noteLoss(s, epoch)
  local isOurs = s.served > 0 and isUnbroken(s)
  local losses = {}
  for since, bound in string.gmatch(redis.call('HGET', s.stateKey, 'receipts') or '', '(%d+):(%d+)') do
    losses[#losses + 1] = { since, widen(bound) }
  end
  losses[#losses + 1] = { format('%.0f', epoch), isOurs and widen(text(s.value)) or widen('0') }
  if #losses > LOSSES_MAX then
    local oldest = table.remove(losses, 1)
    if oldest[2] < losses[1][2] then losses[1][2] = oldest[2] end
  end
  for i, loss in ipairs(losses) do losses[i] = loss[1] .. ':' .. text(loss[2]) end
  redis.call('HSET', s.stateKey, 'receipts', table.concat(losses, ' '))
end

local function install(s, row)
  local target, ceiling, time = match(s.report, ' fence:(%S-):(%d+) time:(%d+)')
  local who, began = match(redis.call('HGET', s.stateKey, 'rec') or '', '^(%S+) (%d+)$')
  if target ~= server(s.index) or who ~= target or began ~= time then return 'outrun' end
  local state = readState(s)
  s.texts = { s.counter or '', s.copy or '', s.initial, s.ceiling, ceiling, valuesIn(s.report), match(s.report, ' base:(%d+)'),
    match(s.report, ' jump:(%d+)') or '', match(s.report, ' account:(%d+)') or '', match(s.report, ' origin:(%d+)') or '' }
  for field, entry in pairs(state) do
    if match(field, '^r:') then s.texts[#s.texts + 1] = match(entry, '^%d+ %d+ (%d+ %d+)') .. ' ' .. valuesIn(entry) end
  end
  read(s, row, nil)
  loadGaps(s)
  local reports = readReports(s, state)
  for _, r in ipairs(reports) do
    -- Granted before this node counted in a later epoch elsewhere: it would not be bound by it.
    if s.epoch > 0 and s.epoch < r.epoch then return 'outrun' end
  end
  local known = s.copy or s.counter
  if s.gapsKept > #s.list then s.copy = nil end -- the gap record was lost: the account has what was in it
  local older = restore(s, tonumber(state.changes or '0'))
  s.copy = s.copy or known
  s.value = s.number(s.copy or s.counter or s.initial) -- what an operator raised since is caught up with by the next call
  local jumpTo, base = match(s.report, ' jump:(%d+)'), s.number(match(s.report, ' base:(%d+)'))
  local claims = {}
  for _, r in ipairs(reports) do rangesOf(s, r.rest, claims) end
  local claimed = union(claims)
  for _, r in ipairs(reports) do
    -- Nor for what stands in such a reply when another node says that it was given some of it.
    local first, last = match(r.unread and state['n:' .. r.node] or '', '^%d+ %d+ %d+ %S+ (%d+) (%d+) ')
    local range = first and { { s.number(first), s.number(last) } }
    if range and select(2, without(range, claimed, always)) then r.current = false end
  end
  -- Values with a receipt are in no numbered call: values that are free here and claimed in a report show that the state is older.
  local _, contradicted = without(s.free, claimed, always)
  local intact, goal = not older and not jumpTo and not contradicted, s.value < base and base or s.value
  if older and known and goal < s.number(known) then goal = s.number(known) end
  for _, r in ipairs(reports) do
    intact = intact and r.current
    if goal < r.seen then goal = r.seen end
  end
  if jumpTo and goal < s.number(jumpTo) then goal = s.number(jumpTo) end
  if s.limit < goal then goal = s.limit < s.value and s.value or s.limit end -- nothing above the limit was ever handed out
  local isLossy = not intact or s.value < goal
  if isLossy then
    doubtAdvances(s)
    merge(s, state, reports, older)
    liftFloor(s, base)
    passOver(s, goal, 'recovery-jump')
    vouchForLastRanges(s, state, reports)
  else
    -- An earlier recovery went on without a node that reports now: what it was given is not missing.
    explain(s, claimed)
  end
  s.origin = match(s.report, ' origin:(%d+)')
  -- It was moved on before the first value, in what this state has lost.
  if s.origin and s.begun and s.number(s.begun) < s.number(s.origin) then s.begun, s.moved = s.origin, true end
  if not s.origin and not known and not older and s.value == s.number(s.initial) then s.origin = s.initial end -- nobody has counted yet
  local epoch = s.epoch > 0 and s.epoch or math.max(s.served + 1, floor(nowMicros / 1000))
  for _, r in ipairs(reports) do
    epoch = math.max(epoch, r.epoch)
  end
  if isLossy and epoch > 1 then noteLoss(s, epoch) end
  s.who, s.served = target, epoch
  for _, r in ipairs(reports) do
    local record = r.current and redis.call('HGET', s.stateKey, 'n:' .. r.node)
    redis.call('HSET', s.stateKey, 'n:' .. r.node, record and renewedRecord(s, record, r.rest) or settledRecord(s, r.call, r.rest))
    redis.call('HDEL', s.stateKey, 'r:' .. r.node)
  end
  if s.ceiling < s.number(ceiling) then s.ceiling = s.number(ceiling) end
  local closure = match(s.report, ' closed:(%S+)')
  if closure then
    redis.call('HSETNX', s.stateKey, 'closed', (string.gsub(closure, '%%(%x%x)', function(byte) return string.char(tonumber(byte, 16)) end)))
  end
  redis.call('HDEL', s.stateKey, 'proposed', 'rec')
  redis.call('HSET', s.stateKey, 'recovered', target .. ':' .. time)
  write(s)
  return 'installed' .. suffix(s)
end

local RECOVERY = { report = report, late = report, raise = raise, propose = raise, account = account, install = install }

local function work(s, state)
  if s.kind == 'once' then return once(s, state) end
  if KINDS[s.kind] then return serveCall(s, state, s.record) end
  local operation = RECOVERY[s.kind]
  if not operation then error({ err = 'unknown kind ' .. s.kind }) end
  return operation(s, state)
end
