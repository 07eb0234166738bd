#!lua flags=no-writes
-- Reads where a sequence stands, as of one moment, and which server says so.
--
-- KEYS[1]  the counter, KEYS[2] the state, KEYS[3] the gap record: see reserve.lua
-- Returns: the counter; value, ahead, free, origin, changes, fence, closed of the state (false: absent); "lost" when the gap record
-- has fewer entries than the state says; the replication id of the server; why the state cannot be read, else "".

-- @include ../parts/version.lua
local state = redis.call('HMGET', KEYS[2], 'value', 'ahead', 'free', 'origin', 'changes', 'fence', 'closed', 'gaps', 'version')
local server = string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')
local kept = tonumber(state[8] or '0')
local lost = kept > 0 and redis.call('HLEN', KEYS[3]) < kept
local version = state[9]
local isLater = version and version ~= VERSION and (tonumber(version) or math.huge) > tonumber(VERSION)
local reason = isLater and 'the state is version ' .. version .. ', this release knows ' .. VERSION or ''
return { redis.call('GET', KEYS[1]), state[1], state[2], state[3], state[4], state[5], state[6], state[7], lost and 'lost' or '', server, reason }
