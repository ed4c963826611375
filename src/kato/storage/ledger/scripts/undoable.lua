-- What can be undone, newest first. Reads only.
--
-- ARGV: 1 1 if only of one knowledge base, 2 its name, 3 how many at the most.
-- Answers {{kind, name, pattern's name or '', patterns, at, expires}, ...}.

local sequences
if ARGV[1] == '1' then
  sequences = redis.call('LRANGE', taken .. ':of:' .. ARGV[2], 0, -1)
else
  sequences = redis.call('ZRANGE', taken, 0, -1)
end
local found = {}
for i = #sequences, 1, -1 do
  if #found == tonumber(ARGV[3]) then break end
  local record = undoable(sequences[i])
  if record then found[#found + 1] = described(record) end
end
return cmsgpack.pack(found)
