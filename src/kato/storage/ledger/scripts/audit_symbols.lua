-- What is held of some symbols, all of one moment. Reads only.
--
-- ARGV: 1 knowledge base, 2 its expected number, 3 symbol ids, 4 their texts.
-- Answers {the journal's sequence, {id by text or '', ...}, {count or '', ...}, {affinity or '', ...},
-- {inherited or '', ...}}, or {-1} if the name has another number.

if redis.call('HGET', shard .. ':names', ARGV[1]) ~= ARGV[2] then return {-1} end
local prefix = shard .. ':' .. ARGV[2] .. ':'
local function parts(part, fields)
  local values = hmget(prefix .. part, fields)
  for i = 1, #fields do values[i] = values[i] or '' end
  return values
end

local ids = cmsgpack.unpack(ARGV[3])
return {number(redis.call('HGET', journal_state, 'sequence')),
  parts('symbol', cmsgpack.unpack(ARGV[4])), parts('count', ids), parts('affinity', ids),
  parts('inherited', ids)}
