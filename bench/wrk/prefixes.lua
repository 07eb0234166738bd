-- Asks for numbers of many prefixes: wrk … -s prefixes.lua URL -- COUNT uniform|zipf
-- The prefixes are B1 … BCOUNT; with zipf, Bn is asked for 1/n as often as B1.

local DRAWS = 65536
local sources = debug.getinfo(1, 'S').source:match('^@(.*)/[^/]*$')
dofile(sources .. '/measure.lua')

local requests, draws, at = {}, {}, 0

function init(args)
  local count, spread = tonumber(args[1]), args[2]
  for i = 1, count do requests[i] = wrk.format('GET', '/api/numbers?prefixKey=B' .. i) end
  -- The same draws in every run.
  math.randomseed(1)
  local sums, total = {}, 0
  for i = 1, count do
    total = total + (spread == 'zipf' and 1 / i or 1)
    sums[i] = total
  end
  for i = 1, DRAWS do
    local mark, low, high = math.random() * total, 1, count
    while low < high do
      local middle = math.floor((low + high) / 2)
      if sums[middle] < mark then low = middle + 1 else high = middle end
    end
    draws[i] = low
  end
end

function request()
  at = at % DRAWS + 1
  return requests[draws[at]]
end
