-- Edit what a pattern carries beside its events, and keep every counter in step.
--
-- ARGV: 1 operation, 2 how long its answer is kept (ms), 3 knowledge base, 4 its expected number,
-- 5 pattern name (20 bytes), 6 its expected id, 7 {symbol id, occurrences, ...} of its distinct
-- symbols, 8 journal limit in bytes, 9 the new frequency or '', 10 {emotive records, their sums} or '',
-- 11 metadata or '', 12 what a repeat of the operation is told.
-- Answers {1, frequency, emotives, metadata, what a repeat is told}, or {0, 0, {}, {}, ''} if the
-- pattern is not there any more under that number and id.

local operation, kept = ARGV[1], ARGV[2]
local known = answered(operation)
if known then return known end
local refused = refusal()
if refused then return refused end
local symbols = cmsgpack.unpack(ARGV[7])
local feelings = ARGV[10] ~= '' and cmsgpack.unpack(ARGV[10])
local labels = ARGV[11] ~= '' and cmsgpack.unpack(ARGV[11])
if journal_is_full(tonumber(ARGV[8])) then
  return redis.error_reply('KATOFULL the journal is full')
end

local kb, id = ARGV[4], tonumber(ARGV[6])
local meta = shard .. ':' .. kb
local prefix = meta .. ':'
local buckets = number(redis.call('HGET', meta, 'buckets'))
if redis.call('HGET', shard .. ':names', ARGV[3]) ~= kb or buckets == 0
    or pattern_id(prefix, buckets, ARGV[5]) ~= id then
  return cmsgpack.pack({0, 0, {}, {}, ''})
end

local function loaded(part)
  local packed = redis.call('HGET', prefix .. part, id)
  return packed and cmsgpack.unpack(packed) or {}
end

local function keep(part, value)
  if next(value) then
    redis.call('HSET', prefix .. part, id, cmsgpack.pack(value))
  else
    redis.call('HDEL', prefix .. part, id)
  end
end

local before = frequency_of(prefix, id)
local frequency = ARGV[9] ~= '' and tonumber(ARGV[9]) or before
local more = frequency - before
local emotives, metadata, felt = loaded('emotives'), loaded('metadata'), loaded('felt')

-- The pattern's share of its symbols' affinity sums: the old one out, the new one in.
local change = {}
if feelings then
  for emotive, share in pairs(felt) do change[emotive] = -share end
  for emotive, share in pairs(feelings[2]) do change[emotive] = (change[emotive] or 0) + share end
  emotives, felt = feelings[1], feelings[2]
end
if labels then metadata = labels end

local occurrences = 0
local weighed_ids, weighed_sums = {}, {}
for i = 1, #symbols, 2 do
  local symbol, times = symbols[i], symbols[i + 1]
  occurrences = occurrences + times * more
  if more ~= 0 then
    local total, members = unpack_count(redis.call('HGET', prefix .. 'count', symbol))
    redis.call('HSET', prefix .. 'count', symbol, pack_count(total + times * more, members))
  end
  if next(change) then
    local packed = redis.call('HGET', prefix .. 'affinity', symbol)
    local sums = packed and cmsgpack.unpack(packed) or {}
    for emotive, share in pairs(change) do sums[emotive] = (sums[emotive] or 0) + share end
    redis.call('HSET', prefix .. 'affinity', symbol, cmsgpack.pack(sums))
    weighed_ids[#weighed_ids + 1] = symbol
    weighed_sums[#weighed_sums + 1] = sums
  end
end
redis.call('HINCRBY', meta, 'frequencies', more)
redis.call('HINCRBY', meta, 'occurrences', occurrences)
redis.call('HSET', prefix .. 'freq:' .. math.floor(id / 64), id % 64, frequency)
keep('emotives', emotives)
keep('metadata', metadata)
keep('felt', felt)
append('edit', kb, {'rows', 1, 'ids', cmsgpack.pack({id}), 'frequencies', cmsgpack.pack({frequency}),
  'states', cmsgpack.pack({{id}, {{emotives, metadata, felt}}}),
  'affinities', cmsgpack.pack({weighed_ids, weighed_sums})})
return answer(operation, kept, cmsgpack.pack({1, frequency, emotives, metadata, ARGV[12]}))
