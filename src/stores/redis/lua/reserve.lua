#!lua
-- Takes values from many sequences in one step: the only script that moves a counter.
--[[
KEYS, three per entry, all of one hash tag:
  sequence:INV           or {sequence:INV}:2026        string: the last value taken in order
  {sequence:INV}:state   or {sequence:INV}:2026:state  hash, see below
  {sequence:INV}:gaps    or {sequence:INV}:2026:gaps   hash: first value -> "last reason holder time"
and behind those of all entries, one for each entry of the kind once, in their order:
  {sequence:INV}:receipt:HASH                          string with TTL: "fingerprint time first-last-epoch,first-last,... p:PERIOD series"

ARGV, one text per entry, words separated by one space:
  node call kind count initialSeq limit standbySize holding usedInPart seen epoch window [report ...]
  kind        take | join (the node may be unknown here) | leave (wants no standby) | advance (forward to "to:VALUE")
              once: all values or none, with a receipt; the receipt is its identity, and `call` says nothing
              report, late, install, raise, account: recovery and ceiling, see reserve/fence.lua and reserve/recovery.lua
  holding     number of the call that offered the standby segment the node uses, or "-"
  usedInPart  1 when values of that segment were issued, else 0
  seen        highest value the node was given in order, or 0
  epoch       the epoch the node knows, or 0
  window      values by which this script raises the ceiling itself; 0 when others keep it
  report      released:FIRST:USED:CALL  a standby segment given up, how many of its values were issued, the call that offered it
              returned:FIRST:LAST   values given back unused
              gave:… and lost:…     the same, said once more after a recovery: by now they may be another's
              to:VALUE              (advance) the value after which counting goes on
              HASH FINGERPRINT TIME p:PERIOD SERIES   (once) what the receipt shall say; only the last may have spaces

Returns one text per entry, those of a call that was served with " EPOCH CEILING WANTED" at the end (WANTED: the ceiling a
standby would need, or 0):
  taken FIRST LAST counter|returned STANDBY   STANDBY is keep, recall, or FIRST-LAST-CALL of a segment on offer
  nothing STANDBY                             count was 0
  exhausted LEFT STANDBY                      fewer than count values are left: none was taken
  closed STANDBY                              the sequence is closed: none was taken. (advance) closed
  advanced FROM TO, behind CURRENT            answers to advance
  receipt new|old near|keep EPOCH CEILING WANTED RECEIPT
                                              answers once: what was written down now, or earlier; near: the standby of the
                                              node must be looked at by a call
  conflict                                    answers once: the receipt is another request's
  stale CALL                                  an older call than the node's last one: nothing was done
  ceiling VALUE                               the ceiling does not let the counter move on from VALUE: nothing was done
  forgotten                                   node unknown, or a recovery went on without it: report as late. Nothing was done
  recovering                                  the state is older than it was, or may be: report. Nothing was handed out
  corrupt REASON                              what is stored cannot be used: nothing was done

State hash:
  value   copy of the counter: a counter that was evicted, deleted or set back does not count again
  fence   "server epoch ceiling": replication id of the server that served last ("-": a recovery is under way), the epoch, which rises
          with each recovery, and the value above which nothing is handed out or offered
  ahead   "first:last:holder ...", rising: standby segments, and (holder "-") ranges accounted for elsewhere.
          A holder is NODE@CALL, the call that made the offer: so an old report never means a newer segment
  free    "first:last ...", rising: returned values, handed out before the counter goes on
  origin  the value before the first that was ever taken; missing when a server that lost its state had to be told how far it had counted
  floor   nothing at or below it is handed out again: where the last advance ended, or above what a recovery went on
  advanced "VALUE FLOOR": up to VALUE it was an advance; good only beside that floor
  closed  "time reason" and a line of JSON with subject and request, written by the close of a period: no value is handed out any more
  receipts "epoch:value ...": recoveries from a state that had lost something: a receipt of an epoch before is good up to that value
  changes rises with each change of the gap record and of free
  gaps    entries of the gap record, so that its loss is noticed
  doubted when a node last said, after a recovery, that values it gave back may be another's by now
  n:NODE  "call time at near first last epoch reply": its last call, when, the counter after it, the counter value from
          which its standby is looked at again, the last range it was given, the epoch, the reply
  version the layout of this hash; 1 when it is missing. It rises only with a change that an earlier release would misread: a state of a
          higher version than this release knows is corrupt. A field that is only added does not raise it: fields that are not known are
          left as they are. So one release learns to read a version, and the next one writes it: neighbours of an upgrade share states
  rec     "server time": the recovery under way, its server and when it began, microseconds
  recovered "server:time" of the recovery that ended last
  r:NODE  "epoch settled seen top holding report ...": what NODE reported for it

The parts in reserve/ are put in place of the @include lines when the script is loaded.
--]]
local NODES_MAX = 64 -- records of nodes kept per sequence before the oldest are folded into the gap record
local KEEP_SECONDS = 600 -- but none younger than this: a late copy of a call must still be recognised
local AHEAD_MAX = 256 -- beyond this many ahead ranges no standby is offered
local DISTANCE_CALLS = 8 -- a standby lies as far ahead as this many rounds of calls reach
local DISTANCE_MAX = 100000000
local VALUE_MAX = '18446744073709551615'
local KINDS = { take = true, join = true, leave = true, advance = true, once = true }
local floor = math.floor
local clock = redis.call('TIME')
local now, nowMicros = clock[1], clock[1] * 1000000 + clock[2]
local format, match = string.format, string.match

-- @include ../parts/version.lua

-- The replication id is another one after every start of a server, as its run_id is, and after every promotion too: a master
-- that became a replica, took over an older state and was promoted again keeps its run_id. And it costs a quarter.
local identity
local function server(_i)
  identity = identity or match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')
  return identity
end

-- The common case in few steps: nothing to settle, nothing ahead in reach, the standby well placed. Returns nothing
-- when it is not that case; then the plan decides. Lua writes integers below 10^14 exactly by itself.
local function takeNext(keyAt, node, call, count, initial, limit, seen, counter, ahead, near, bound, served)
  local value = tonumber(counter)
  local last = value + count
  if value < tonumber(initial) or value < tonumber(seen) or tonumber(limit) < last or bound < last then return end
  if near ~= '-' and tonumber(near) <= last then return end
  local low = match(ahead, '^%d+')
  if low and tonumber(low) <= last then return end
  local range = value + 1 .. ' ' .. last
  local reply = 'taken ' .. range .. ' counter keep'
  redis.call('SET', KEYS[keyAt], last)
  redis.call('HSET', KEYS[keyAt + 1], 'value', last, 'n:' .. node,
    call .. ' ' .. now .. ' ' .. last .. ' ' .. near .. ' ' .. range .. ' ' .. served .. ' ' .. reply)
  return reply
end

local receiptAt = 3 * #ARGV

-- Built when first needed, for most calls never do.
local plan
local function buildPlan()
  -- @include decimal.lua
  -- @include ranges.lua
  -- @include settle.lua
  -- @include take.lua
  -- @include standby.lua
  -- @include plan.lua
  -- @include once.lua
  -- @include fence.lua
  -- @include recovery.lua
  return work
end

--[[
One entry with its state: `s` in all parts, made by serve. Each field, who writes it after serve, and what it is.
A value is a text until `read` has made it a number of s.number; ranges are { first, last, holder }.
  index         -                                place of the entry in ARGV
  counterKey    -                                the three keys of the entry
  stateKey      -
  gapsKey       -
  receiptKey    -                                (once) the key of its receipt
  node          -                                words of the entry, see ARGV; size is standbySize, initial is initialSeq
  call          -                                stays a text, as the record of the node has it
  kind          -
  count         once                             how many values; once counts down what is still to be taken
  initial       -                                stays a text
  limit         plan                             a value
  size          -
  holding       -                                stays a text
  used          -                                usedInPart, true or false
  seen          plan                             a value
  epoch         -
  window        -
  report        -                                the words behind the window, each with a space before it
  counter       -                                the counter as a text, or false; what is there before write
  copy          recovery                         `value` of the state as a text, or false or nil; an account may take its place
  who           plan, recovery                   `fence` of the state in three: the server, or "-"
  served        plan, recovery                   the epoch
  ceiling       fence, plan, recovery            the ceiling, a value
  record        -                                n:NODE of this node as a text, or false
  closed        -                                `closed` of the state, or false
  version       -                                `version` of the state as a text, or false
  texts         fence, recovery                  all that decides how exact the arithmetic must be, when it is more than a call has
  number        plan                             makes a value of a text: tonumber, or widen where doubles are not exact
  value         fence, plan, recovery, settle, take
                                                 the last value taken in order
  floor         plan, settle                     `floor` of the state
  advanced      plan, recovery, settle           up to here the floor is an advance; nil: nobody has asked yet
  advancedKept  plan                             `advanced` of the state as a text, or false
  ahead         fence, plan, recovery, settle    `ahead` of the state, rising
  free          plan, recovery                   `free` of the state, rising
  at            plan                             the counter after this node's last call; nil: it had none
  near          plan                             value from which this node's standby is looked at again, a text, or "-"
  kept          plan                             "first last" for the record of the node when nothing is taken, or "- -"
  begun         plan, recovery                   `origin` of the state as a text, or nil
  moved         plan, recovery                   true: `origin` becomes s.begun, whatever it was
  origin        plan, recovery                   `origin` of a state that has none yet, as a text
  first         take                             the values handed out now, when there are any
  last          take
  wanted        standby                          ceiling that a standby would need
  gapsKept      plan                             `gaps` of the state
  gaps          plan, ranges                     words of the gap record to be added, field and entry in turn
  found         plan, ranges                     fields of the gap record to be removed
  list          ranges, recovery                 the whole gap record as { first, last, rest }, once somebody needs it: then gaps and
                                                 found stay empty, and it is written as a whole
  changed       plan, ranges, recovery, settle, take
                                                 true: the gap record or `free` was changed
  forgotten     plan                             fields n:NODE to be removed
--]]
local function serve(i)
  local node, call, kind, count, initial, limit, size, holding, used, seen, epoch, window, report =
    match(ARGV[i], '^(%S+) (%d+) (%a+) (%d+) (%d+) (%d+) (%d+) (%S+) ([01]) (%d+) (%d+) (%d+)(.*)$')
  if not node then error({ err = 'the entry is unreadable' }) end
  local receiptKey
  if kind == 'once' then
    receiptAt = receiptAt + 1
    receiptKey = KEYS[receiptAt]
  end
  local state = redis.call('HMGET', KEYS[3 * i - 1], 'value', 'ahead', 'free', 'n:' .. node, 'fence', 'closed', 'version')
  local version = state[7]
  if version and version ~= VERSION and (tonumber(version) or math.huge) > tonumber(VERSION) then
    error({ err = 'the state is version ' .. version .. ', this release knows ' .. VERSION })
  end
  local copy, record, near = state[1], state[4], nil
  local who, served, ceiling = match(state[5] or '- 0 0', '^(%S+) (%d+) (%d+)$')
  if not who then error({ err = 'the fence of the state is unreadable' }) end
  local counter = redis.call('GET', KEYS[3 * i - 2])
  if KINDS[kind] then
    if not state[5] then
      -- Nobody was ever served here, as far as this server knows. Whoever knows better says so by its epoch.
      if window == '0' or epoch ~= '0' or counter or copy then return 'recovering' end
    elseif who ~= server(i) or tonumber(epoch) > tonumber(served) then return 'recovering'
    elseif epoch ~= served and (epoch ~= '0' or kind ~= 'join' and kind ~= 'advance') then return 'forgotten' end
    if record and kind ~= 'once' then
      local last, nearText, first, reply = match(record, '^(%d+) %d+ %d+ (%S+) (%S+) %S+ %d+ (.*)$')
      if not last then error({ err = 'the record of node ' .. node .. ' is unreadable' }) end
      if call == last then return reply .. ' ' .. served .. ' ' .. ceiling .. ' 0' end
      if tonumber(call) < tonumber(last) then return 'stale ' .. last end
      if size == '0' then near = holding == '-' and '-'
      else near = used == '0' and holding ~= '-' and nearText ~= '-' and nearText end
      if first == '-' then near = nil end -- a recovery may have doubted its last range: see trust
    elseif not record and kind ~= 'join' and kind ~= 'advance' then
      return 'forgotten'
    end
    if near and kind == 'take' and not state[6] and report == '' and count ~= '0' and counter and counter == copy and state[3] == ''
      and #counter < 14 and #initial < 16 and #seen < 16 then
      local bound = tonumber(ceiling) - floor(tonumber(window) / 2)
      local reply = takeNext(3 * i - 2, node, call, tonumber(count), initial, limit, seen, counter, state[2], near, bound, served)
      if reply then return reply .. ' ' .. served .. ' ' .. ceiling .. ' 0' end
    end
  end
  plan = plan or buildPlan()
  return plan({ index = i, counterKey = KEYS[3 * i - 2], stateKey = KEYS[3 * i - 1], gapsKey = KEYS[3 * i],
    node = node, call = call, kind = kind, count = tonumber(count), initial = initial, limit = limit, size = tonumber(size),
    holding = holding, used = used == '1', seen = seen, epoch = tonumber(epoch), window = tonumber(window), report = report,
    receiptKey = receiptKey, counter = counter, copy = copy, who = who, served = tonumber(served), ceiling = ceiling, record = record,
    closed = state[6], version = version,
    -- Written later; named here, the table is made large enough at once.
    number = nil, value = nil, ahead = nil, free = nil, at = nil, near = nil, kept = nil, first = nil, last = nil }, state)
end

local replies = {}
for i = 1, #ARGV do
  local done, reply = pcall(serve, i)
  replies[i] = done and reply or 'corrupt ' .. (type(reply) == 'table' and reply.err or tostring(reply))
end
return replies
