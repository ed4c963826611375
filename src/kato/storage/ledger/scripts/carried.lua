-- What patterns carry beside their events, all of one moment. Reads only.
--
-- ARGV: 1 the knowledge base's number, 2 pattern ids.
-- Answers {packed {frequency or 0, ...}, {emotives or '', ...}, {metadata or '', ...}, {felt or '', ...}}.

local prefix = shard .. ':' .. ARGV[1] .. ':'
local ids = cmsgpack.unpack(ARGV[2])
local frequencies = {}
for i = 1, #ids do frequencies[i] = frequency_of(prefix, ids[i]) or 0 end

local function parts(part)
  local values = hmget(prefix .. part, ids)
  for i = 1, #ids do values[i] = values[i] or '' end
  return values
end

return {cmsgpack.pack(frequencies), parts('emotives'), parts('metadata'), parts('felt')}
