/** Breaches planted in the script, each in one place: the model check must find them. */
import type { Breach } from './machine-breaches.ts';

export const SCRIPT_BREACHES: readonly Breach[] = [
  {
    name: 'a segment is freed in the call that replaces it',
    from: '  local segment = reserveStandby(s)\n',
    to: '  if held then release(s, text(held[1]), 0, s.holding) end\n  local segment = reserveStandby(s)\n',
  },
  {
    name: 'a call has no identity',
    from: "if call == last then return reply .. ' ' .. served .. ' ' .. ceiling .. ' 0' end",
    to: '',
  },
  { name: 'an older call is served', from: "then return 'stale ' .. last end", to: 'then call = last end' },
  {
    name: 'a jumped segment is not recorded',
    from: "table.remove(s.ahead, 1)\n  if range[3] ~= '-' then gap(s, range[1], range[2], 'node-crash', range[3]) end",
    to: 'table.remove(s.ahead, 1)',
  },
  { name: 'an advance is not recorded', from: 'if reason then gap(', to: 'if false then gap(' },
  {
    name: 'a reported segment stays in the gap record',
    from: 's.found[#s.found + 1] = first',
    to: '',
  },
  { name: 'values used in an outage are not kept', from: 'if used > 0 then insert', to: 'if false then insert' },
  { name: 'returned values are dropped', from: "insert(s.free, s.number(a), s.number(b), '')\n", to: '\n' },
  {
    name: 'returned values are handed out twice',
    from: '    table.remove(s.free, 1)\n    if s.last',
    to: '    if s.last == free[2] and s.count % 2 == 0 then table.remove(s.free, 1) end\n    if s.last',
  },
  { name: 'what an advance passed is handed out again', from: 's.free[1][1] <= s.floor', to: 'false' },
  { name: 'large values are doubles', from: 'and tonumber or widen', to: 'and tonumber or tonumber' },
  {
    name: 'an exhausted sequence goes on',
    from: 'if left < s.number(',
    to: 'if false and left < s.number(',
  },
  { name: 'a standby lies above the limit', from: 'least(first + (size - 1), s.limit)', to: 'first + (s.size - 1)' },
  {
    name: 'a receipt that is there is not looked at',
    from: "local receipt = redis.call('GET', key)",
    to: 'local receipt',
  },
  { name: 'the receipt is not written', from: "redis.call('SET', key, receipt, 'PX', RECEIPT_MS)", to: '' },
  {
    name: 'another request is given what the receipt says',
    from: "return whose == fingerprint and 'receipt old keep'",
    to: "return 'receipt old keep'",
  },
  {
    name: 'a receipt says that its values end one later than they do',
    from: "ranges[#ranges + 1] = text(s.first) .. '-' .. text(s.last)",
    to: "ranges[#ranges + 1] = text(s.first) .. '-' .. text(s.last + 1)",
  },
  {
    name: 'a receipt is written though its values do not suffice',
    from: 's.count = s.count - (distance(s.last - s.first) + 1)',
    to: 's.count = 0',
  },
  { name: 'a server that was started anew counts on', kind: 'kept', from: 'who ~= server(i) or ', to: '' },
  {
    name: 'a call of an older epoch is served',
    kind: 'kept',
    alter: { doubling: 0.5 },
    from: "then return 'forgotten' end\n    if record",
    to: 'then end\n    if record',
  },
  {
    name: 'a late copy of a report counts',
    kind: 'kept',
    alter: { keyed: false, doubling: 0.5 },
    from: "if string.find(s.report, ' rec:' .. server(s.index) .. ':' .. since, 1, true) then",
    to: 'if true then',
  },
  {
    name: 'a late install counts',
    kind: 'kept',
    alter: { doubling: 0.5 },
    from: 'or began ~= time then',
    to: 'then',
  },
  {
    name: 'values above the ceiling are handed out',
    kind: 'kept',
    from: 's.window == 0 and s.ceiling < s.limit and s.ceiling or s.limit',
    to: 's.limit',
  },
  {
    name: 'a standby above the ceiling is offered',
    kind: 'kept',
    from: 'if s.window == 0 and s.ceiling < last then',
    to: 'if false then',
  },
  {
    name: 'a rolled back server hands out again what was given back',
    kind: 'kept',
    from: 's.free, s.changed = {}, true\n  doubtLastRanges',
    to: 's.changed = true\n  doubtLastRanges',
  },
  {
    name: 'what a node took ahead is forgotten',
    kind: 'kept',
    from: '  claim(s, union(claims))\n',
    to: '',
  },
  {
    name: 'an emptied server does not get its account back',
    kind: 'kept',
    from: 'if not value then return false end',
    to: 'if true then return false end',
  },
  {
    name: 'what comes back below the base of a recovery is called advanced',
    kind: 'kept',
    from: '  advancedTo(s)\n  s.floor = base\n',
    to: '  s.floor, s.advanced = base, base\n',
  },
  {
    name: 'a server that falls back forgets that the sequence was moved on before its first value',
    kind: 'kept',
    alter: { advances: true },
    from: 'then s.begun, s.moved = s.origin, true end',
    to: 'then end',
  },
];
