-- Everything the ledger holds of one pattern. Reads only.
--
-- ARGV: 1 knowledge base, 2 pattern name (20 bytes).
-- Answers {kb, id, frequency, emotives or '', metadata or '', felt or ''}; {0} if it is not there.

local kb = redis.call('HGET', shard .. ':names', ARGV[1])
if not kb then return refusal() or {0} end
local prefix = shard .. ':' .. kb .. ':'
local id = pattern_id(prefix, number(redis.call('HGET', shard .. ':' .. kb, 'buckets')), ARGV[2])
if not id then return {0} end
return {tonumber(kb), id, frequency_of(prefix, id),
  redis.call('HGET', prefix .. 'emotives', id) or '',
  redis.call('HGET', prefix .. 'metadata', id) or '',
  redis.call('HGET', prefix .. 'felt', id) or ''}
