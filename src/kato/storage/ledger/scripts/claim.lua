-- Claim the next batch of the journal. An intent that stands is answered again, so whoever comes
-- next sends the very same batch under the same token.
--
-- ARGV: 1 rows at the most, 2 bytes at the most, 3 a new token.
-- Answers {first, last, token, rows} or {} if the journal is empty or held.

local state = redis.call('HMGET', journal_state, 'intent_first', 'intent_last', 'intent_token',
  'intent_rows')
if state[1] then return {tonumber(state[1]), tonumber(state[2]), state[3], number(state[4])} end
if redis.call('EXISTS', shard .. ':held') == 1 then return {} end
local done = redis.call('HMGET', journal_state, 'done', 'done_bytes')
local first, last, rows, bytes = nil, nil, 0, 0
local from = number(done[1]) + 1
while true do
  local entries = redis.call('XRANGE', journal, from .. '-0', '+', 'COUNT', 64)
  for _, entry in ipairs(entries) do
    local values = {}
    for i = 1, #entry[2], 2 do
      local field = entry[2][i]
      if field == 'rows' or field == 'bytes' then values[field] = tonumber(entry[2][i + 1]) end
    end
    local total = values.bytes - number(done[2])
    if last and (rows + (values.rows or 1) > tonumber(ARGV[1]) or total > tonumber(ARGV[2])) then
      entries = {}
      break
    end
    rows = rows + (values.rows or 1)
    last = tonumber(string.match(entry[1], '^%d+'))
    first = first or last
    bytes = values.bytes
  end
  if #entries < 64 then break end
  from = last + 1
end
if not last then return {} end
-- A claim whose answer was lost is asked for again as it was, and somebody else may have carried what
-- it claimed: what it claims then must not look as if it were carried already.
local token = ARGV[3] .. '-' .. first
redis.call('HSET', journal_state, 'intent_first', first, 'intent_last', last,
  'intent_token', token, 'intent_bytes', bytes, 'intent_rows', rows)
return {first, last, token, rows}
