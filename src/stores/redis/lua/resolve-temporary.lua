#!lua
-- Remembers the real number of a temporary one, once.
--
-- KEYS[1]  the hash of temporary numbers
-- ARGV[1]  the temporary number
-- ARGV[2]  its entry as it was read
-- ARGV[3]  its entry with the real number
-- Returns 1 when it was written, 0 when the entry is another one by now (nothing was changed).

if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
