-- What a prediction needs before it recalls: the number, the observed symbols' ids, and what the
-- journal holds that the reader has not seen. Reads only.
--
-- ARGV: 1 knowledge base, 2 texts, 3 the last sequence the reader has.
-- Answers {kb, {symbol id or 0, ...}, done, entries, the last pattern id given,
-- how many patterns were forgotten, and given back}; {0} if there is no such knowledge base.

local kb = redis.call('HGET', shard .. ':names', ARGV[1])
if not kb then return refusal() or {0} end
local ids = hmget(shard .. ':' .. kb .. ':symbol', cmsgpack.unpack(ARGV[2]))
for i = 1, #ids do ids[i] = tonumber(ids[i] or '0') end
local done = number(redis.call('HGET', journal_state, 'done'))
local entries = redis.call('XRANGE', journal, '(' .. ARGV[3] .. '-0', '+')
local totals = redis.call('HMGET', shard .. ':' .. kb, 'next_pattern', 'forgotten', 'restored')
return {tonumber(kb), ids, done, entries, number(totals[1]), number(totals[2]), number(totals[3])}
