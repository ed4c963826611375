-- Forget one pattern: take its share out of every counter and journal the tombstone.
--
-- ARGV: 1 operation, 2 how long its answer is kept (ms), 3 knowledge base, 4 its expected number,
-- 5 pattern name (20 bytes), 6 its expected id, 7 {symbol id, occurrences, ...} of its distinct
-- symbols, 8 journal limit in bytes, 9 what a repeat of the operation is told.
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
local prefix = meta .. ':'
local totals = redis.call('HMGET', meta, 'patterns', 'frequencies', 'symbols', 'occurrences', 'buckets')
local buckets = number(totals[5])
if redis.call('HGET', shard .. ':names', ARGV[3]) ~= kb or buckets == 0
    or pattern_id(prefix, buckets, ARGV[5]) ~= id then
  return cmsgpack.pack({0, ''})
end

local frequency = frequency_of(prefix, id)
local felt = redis.call('HGET', prefix .. 'felt', id)
felt = felt and cmsgpack.unpack(felt) or {}
local vocabulary, occurrences = number(totals[3]), number(totals[4])
local weighed_ids, weighed_sums, bereft = {}, {}, {}
for i = 1, #symbols, 2 do
  local symbol, times = symbols[i], symbols[i + 1]
  local total, members = unpack_count(redis.call('HGET', prefix .. 'count', symbol))
  occurrences = occurrences - times * frequency
  if members == 1 then
    vocabulary = vocabulary - 1
    redis.call('HDEL', prefix .. 'count', symbol)
    redis.call('HDEL', prefix .. 'affinity', symbol)
    if redis.call('HDEL', prefix .. 'inherited', symbol) == 1 then bereft[#bereft + 1] = symbol end
    weighed_ids[#weighed_ids + 1] = symbol
    weighed_sums[#weighed_sums + 1] = {}
  else
    redis.call('HSET', prefix .. 'count', symbol,
      pack_count(total - times * frequency, members - 1))
    if next(felt) then
      local sums = cmsgpack.unpack(redis.call('HGET', prefix .. 'affinity', symbol))
      for emotive, share in pairs(felt) do sums[emotive] = sums[emotive] - share end
      redis.call('HSET', prefix .. 'affinity', symbol, cmsgpack.pack(sums))
      weighed_ids[#weighed_ids + 1] = symbol
      weighed_sums[#weighed_sums + 1] = sums
    end
  end
end
local power = power_below(buckets)
redis.call('HDEL', prefix .. 'name:' .. bucket_of(ARGV[5], buckets, power), ARGV[5])
redis.call('HDEL', prefix .. 'freq:' .. math.floor(id / 64), id % 64)
for _, part in ipairs({'emotives', 'metadata', 'felt'}) do redis.call('HDEL', prefix .. part, id) end
redis.call('HINCRBY', meta, 'forgotten', 1)
redis.call('HSET', meta, 'patterns', number(totals[1]) - 1,
  'frequencies', number(totals[2]) - frequency, 'symbols', vocabulary, 'occurrences', occurrences)
local fields = {'rows', 1, 'id', id, 'affinities', cmsgpack.pack({weighed_ids, weighed_sums})}
if #bereft > 0 then
  local nothing = {}
  for i = 1, #bereft do nothing[i] = {} end
  fields[#fields + 1] = 'inherited'
  fields[#fields + 1] = cmsgpack.pack({bereft, nothing})
end
append('forget', kb, fields)
return answer(operation, kept, cmsgpack.pack({1, ARGV[9]}))
