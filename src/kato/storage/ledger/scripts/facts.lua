-- Counters behind a prediction, all of one moment. Reads only.
--
-- ARGV: 1 the knowledge base's number, 2 pattern ids, 3 symbol ids, 4 symbols whose affinity is asked.
-- Answers {{patterns, frequencies, symbols}, {frequency or 0, ...}, {emotives or '', ...},
-- {count or '', ...}, {affinity or '', ...}}.

local meta = shard .. ':' .. ARGV[1]
local prefix = meta .. ':'
local totals = redis.call('HMGET', meta, 'patterns', 'frequencies', 'symbols')
local ids = cmsgpack.unpack(ARGV[2])
local frequencies = {}
for i = 1, #ids do frequencies[i] = frequency_of(prefix, ids[i]) or 0 end

local function texts_of(part, fields)
  local values = hmget(prefix .. part, fields)
  for i = 1, #fields do values[i] = values[i] or '' end
  return values
end

return {{number(totals[1]), number(totals[2]), number(totals[3])}, frequencies,
  texts_of('emotives', ids), texts_of('count', cmsgpack.unpack(ARGV[3])),
  texts_of('affinity', cmsgpack.unpack(ARGV[4]))}
