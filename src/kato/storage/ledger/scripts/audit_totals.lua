-- A knowledge base's totals, and how many entries its hashes have, all of one moment. Reads only.
--
-- ARGV: 1 knowledge base, 2 its expected number.
-- Answers {the journal's sequence, patterns, frequencies, symbols, occurrences, next_pattern,
-- next_symbol, forgotten, restored, entries of: name, symbol, count, affinity, emotives, metadata, felt}, or {-1}
-- if the name has another number.

if redis.call('HGET', shard .. ':names', ARGV[1]) ~= ARGV[2] then return {-1} end
local meta = shard .. ':' .. ARGV[2]
local state = redis.call('HMGET', meta, 'patterns', 'frequencies', 'symbols', 'occurrences',
  'next_pattern', 'next_symbol', 'forgotten', 'restored', 'buckets')
local names = 0
for bucket = 0, number(state[9]) - 1 do
  names = names + redis.call('HLEN', meta .. ':name:' .. bucket)
end
local answer = {number(redis.call('HGET', journal_state, 'sequence'))}
for i = 1, 8 do answer[i + 1] = number(state[i]) end
answer[10] = names
for _, part in ipairs({'symbol', 'count', 'affinity', 'emotives', 'metadata', 'felt'}) do
  answer[#answer + 1] = redis.call('HLEN', meta .. ':' .. part)
end
return answer
