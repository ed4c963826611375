-- Counters behind a prediction, all of one moment. Reads only.
--
-- ARGV: 1 the knowledge base's number, 2 pattern ids, 3 symbol ids, 4 symbols whose affinity is asked.
-- Answers {packed {{patterns, frequencies, symbols}, {frequency or 0, ...}, {symbol frequency, ...},
-- {members, ...}}, {position, emotives, ...}, {affinity or '', ...}}: one packed text is read ten times
-- faster than as many numbers.

local meta = shard .. ':' .. ARGV[1]
local prefix = meta .. ':'
local totals = redis.call('HMGET', meta, 'patterns', 'frequencies', 'symbols')
local ids = cmsgpack.unpack(ARGV[2])
local frequencies = {}
for i = 1, #ids do frequencies[i] = frequency_of(prefix, ids[i]) or 0 end

local emotives = {}
for i, records in pairs(hmget(prefix .. 'emotives', ids)) do
  if records then
    emotives[#emotives + 1] = i
    emotives[#emotives + 1] = records
  end
end

local symbols = cmsgpack.unpack(ARGV[3])
local counted, symbol_frequencies, members = hmget(prefix .. 'count', symbols), {}, {}
for i = 1, #symbols do symbol_frequencies[i], members[i] = unpack_count(counted[i]) end

local weighed = cmsgpack.unpack(ARGV[4])
local affinities = hmget(prefix .. 'affinity', weighed)
for i = 1, #weighed do affinities[i] = affinities[i] or '' end

return {cmsgpack.pack({{number(totals[1]), number(totals[2]), number(totals[3])}, frequencies,
  symbol_frequencies, members}), emotives, affinities}
