-- Forget one pattern: take its share out of every counter and journal the tombstone.
--
-- ARGV: 1 operation, 2 how long its answer is kept (ms), 3 knowledge base, 4 its expected number,
-- 5 pattern name (20 bytes), 6 its expected id, 7 {symbol id, occurrences, ...} of its distinct
-- symbols, 8 journal limit in bytes, 9 what a repeat of the operation is told, 10 ms it can be undone.
-- Answers {1, what a repeat is told}, or {0, ''} if the pattern is not there any more under that number and id.

local operation, kept = ARGV[1], ARGV[2]
local known = answered(operation)
if known then return known end
local refused = refusal()
if refused then return refused end
local symbols = cmsgpack.unpack(ARGV[7])
if journal_is_full(tonumber(ARGV[8])) then
  return redis.error_reply('KATOFULL the journal is full')
end

local kb, id = ARGV[4], tonumber(ARGV[6])
local meta = shard .. ':' .. kb
local buckets = number(redis.call('HGET', meta, 'buckets'))
if redis.call('HGET', shard .. ':names', ARGV[3]) ~= kb or buckets == 0
    or pattern_id(meta .. ':', buckets, ARGV[5]) ~= id then
  return cmsgpack.pack({0, ''})
end
take_out(ARGV[3], kb, ARGV[5], id, symbols, tonumber(ARGV[10]))
return answer(operation, kept, cmsgpack.pack({1, ARGV[9]}))
