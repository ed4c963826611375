-- What is held of some patterns, all of one moment. Reads only.
--
-- ARGV: 1 knowledge base, 2 its expected number, 3 pattern names (20 bytes each), 4 their ids, 5 the
-- first and 6 the last block of 64 ids whose entries are counted.
-- Answers {the journal's sequence, packed {{id by name or 0, ...}, {frequency or 0, ...}, {entries of
-- a block, ...}}, {emotives or '', ...}, {metadata or '', ...}, {felt or '', ...}}, or {-1} if the name
-- has another number.

if redis.call('HGET', shard .. ':names', ARGV[1]) ~= ARGV[2] then return {-1} end
local meta = shard .. ':' .. ARGV[2]
local prefix = meta .. ':'
local names, ids = ARGV[3], cmsgpack.unpack(ARGV[4])
local buckets = number(redis.call('HGET', meta, 'buckets'))
local found, frequencies, entries = {}, {}, {}
for i = 1, #ids do
  found[i] = buckets > 0 and pattern_id(prefix, buckets, string.sub(names, 20 * i - 19, 20 * i)) or 0
  frequencies[i] = frequency_of(prefix, ids[i]) or 0
end
for block = tonumber(ARGV[5]), tonumber(ARGV[6]) do
  entries[#entries + 1] = redis.call('HLEN', prefix .. 'freq:' .. block)
end

local function parts(part)
  if redis.call('EXISTS', prefix .. part) == 0 then return {} end
  local values = hmget(prefix .. part, ids)
  for i = 1, #ids do values[i] = values[i] or '' end
  return values
end

return {number(redis.call('HGET', journal_state, 'sequence')),
  cmsgpack.pack({found, frequencies, entries}), parts('emotives'), parts('metadata'), parts('felt')}
