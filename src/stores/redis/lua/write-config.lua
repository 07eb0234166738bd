#!lua
-- Writes a prefix config and its history, if neither was changed since they were read, and announces the change to the nodes.
--
-- KEYS[1]  the hash of prefix configs
-- KEYS[2]  the hash of their histories
-- KEYS[3]  the hash of the latest changes
-- ARGV[1]  the prefix key
-- ARGV[2]  the config as it was read; "" for none
-- ARGV[3]  the new config; "" to remove it
-- ARGV[4]  the history as it was read; "" for none
-- ARGV[5]  the new history; "" for none
-- ARGV[6]  the channel to announce it on
-- ARGV[7]  the generation that the change goes by; "*" for any
-- ARGV[8]  a random text, so that no generation comes again in a store that went back
-- ARGV[9]  how many changes are kept
-- Returns 1 when it was written, 0 when one of them is another by now (nothing was changed).

local config = redis.call('HGET', KEYS[1], ARGV[1]) or ''
local history = redis.call('HGET', KEYS[2], ARGV[1]) or ''
if config ~= ARGV[2] or history ~= ARGV[4] then return 0 end

local generation = redis.call('HGET', KEYS[3], 'generation') or ''
if ARGV[7] ~= '*' and ARGV[7] ~= generation then return 0 end

if ARGV[3] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
elseif ARGV[3] ~= config then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
end
if ARGV[5] ~= history then redis.call('HSET', KEYS[2], ARGV[1], ARGV[5]) end
local count = (tonumber(string.match(generation, '^(%d+):')) or 0) + 1
local made = string.format('%d:%s', count, ARGV[8])
redis.call('HSET', KEYS[3], 'generation', made, string.format('%d', count % tonumber(ARGV[9])), made .. ':' .. ARGV[1])
-- A user that may not use the channel costs time only: nodes read a config again after seconds.
redis.pcall('PUBLISH', ARGV[6], ARGV[1])
return 1
