#!lua
-- Spends one of what a client may have in a day.
--
-- KEYS[1]  idempotency:quota:HASH   string with TTL, see parts/allowance.lua
-- ARGV[1]  how many the client may have
-- Returns how long to wait for it, ms; 0: it was spent.

-- @include ../parts/allowance.lua
return spend(KEYS[1], tonumber(ARGV[1]))
