-- What luacheck holds the Lua scripts to; `npm run lint:lua` hands it each script as a whole, as it is sent to Redis.

-- What Redis 7.0 gives a script, and no more: no os, no io, no print. A script that writes a global is refused by it.
stds.redis = {
  read_globals = {
    'ARGV', 'KEYS', 'bit', 'cjson', 'cmsgpack', 'redis', 'struct',
    'assert', 'error', 'getmetatable', 'ipairs', 'math', 'next', 'pairs', 'pcall', 'rawequal', 'rawget', 'rawset', 'select',
    'setmetatable', 'string', 'table', 'tonumber', 'tostring', 'type', 'unpack', 'xpcall',
  },
}
-- wrk calls these functions by name, and gives its scripts a table.
stds.wrk = { globals = { 'delay', 'done', 'init', 'request', 'response', 'setup' }, read_globals = { 'wrk' } }

std = 'redis'
files['bench/wrk'] = { std = 'luajit+wrk' }
codes = true
max_line_length = 150
