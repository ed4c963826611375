-- Add to symbols' affinity what came with a move from another installation: it is in no pattern's share.
--
-- ARGV: 1 operation, 2 how long its answer is kept (ms), 3 knowledge base, 4 journal limit in bytes,
-- 5 texts of symbols, each once, 6 their sums by emotive.
-- Answers the positions (from 1) of the symbols that no pattern holds: nothing is kept of them.

local operation, kept = ARGV[1], ARGV[2]
local known = answered(operation)
if known then return known end
local refused = refusal()
if refused then return refused end
local texts, brought = cmsgpack.unpack(ARGV[5]), cmsgpack.unpack(ARGV[6])
if journal_is_full(tonumber(ARGV[4])) then
  return redis.error_reply('KATOFULL the journal is full')
end

local kb = redis.call('HGET', shard .. ':names', ARGV[3])
local prefix = shard .. ':' .. (kb or '') .. ':'
local ids = kb and hmget(prefix .. 'symbol', texts) or {}
local strange, symbols, inherited, weighed = {}, {}, {}, {}

local function added(part, symbol, more)
  local packed = redis.call('HGET', prefix .. part, symbol)
  local sums = packed and cmsgpack.unpack(packed) or {}
  for emotive, sum in pairs(more) do sums[emotive] = (sums[emotive] or 0) + sum end
  redis.call('HSET', prefix .. part, symbol, cmsgpack.pack(sums))
  return sums
end

for i = 1, #texts do
  if ids[i] and redis.call('HEXISTS', prefix .. 'count', ids[i]) == 1 then
    symbols[#symbols + 1] = tonumber(ids[i])
    inherited[#symbols] = added('inherited', ids[i], brought[i])
    weighed[#symbols] = added('affinity', ids[i], brought[i])
  else
    strange[#strange + 1] = i
  end
end
if #symbols > 0 then
  append('inherit', kb, {'affinities', cmsgpack.pack({symbols, weighed}),
    'inherited', cmsgpack.pack({symbols, inherited})})
end
return answer(operation, kept, cmsgpack.pack(strange))
