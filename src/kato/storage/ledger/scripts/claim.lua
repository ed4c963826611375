-- Claim the next batch of the journal. An intent that stands is answered again, so whoever comes
-- next sends the very same batch under the same token.
--
-- ARGV: 1 rows at the most, 2 bytes at the most, 3 a new token.
-- Answers {first, last, token} or {} if the journal is empty.

local state = redis.call('HMGET', journal_state, 'intent_first', 'intent_last', 'intent_token')
if state[1] then return {tonumber(state[1]), tonumber(state[2]), state[3]} end
local done = redis.call('HMGET', journal_state, 'done', 'done_bytes')
local first, last, rows, bytes = nil, nil, 0, 0
local from = number(done[1]) + 1
while true do
  local entries = redis.call('XRANGE', journal, from .. '-0', '+', 'COUNT', 64)
  for _, entry in ipairs(entries) do
    local values = {}
    for i = 1, #entry[2], 2 do
      if entry[2][i] == 'rows' or entry[2][i] == 'bytes' then values[entry[2][i]] = tonumber(entry[2][i + 1]) end
    end
    rows = rows + (values.rows or 1)
    local total = values.bytes - number(done[2])
    if last and (rows > tonumber(ARGV[1]) or total > tonumber(ARGV[2])) then entries = {} break end
    last = tonumber(string.match(entry[1], '^%d+'))
    first = first or last
    bytes = values.bytes
  end
  if #entries < 64 then break end
  from = last + 1
end
if not last then return {} end
redis.call('HSET', journal_state, 'intent_first', first, 'intent_last', last,
  'intent_token', ARGV[3], 'intent_bytes', bytes)
return {first, last, ARGV[3]}
