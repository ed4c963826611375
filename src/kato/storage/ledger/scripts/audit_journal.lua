-- What the journal says of itself, all of one moment. Reads only.
--
-- Answers {sequence, bytes, done, done_bytes, the intent's first or 0, its last or 0, how many entries
-- wait, the first one's sequence or 0, the last one's or 0, its bytes}.

local state = redis.call('HMGET', journal_state, 'sequence', 'bytes', 'done', 'done_bytes',
  'intent_first', 'intent_last')
local answer = {}
for i = 1, 6 do answer[i] = number(state[i]) end
local function sequence_of(entry)
  return entry and tonumber(string.match(entry[1], '^%d+')) or 0
end

local first = redis.call('XRANGE', journal, '-', '+', 'COUNT', 1)[1]
local last = redis.call('XREVRANGE', journal, '+', '-', 'COUNT', 1)[1]
local bytes = 0
for i = 1, last and #last[2] or 0, 2 do
  if last[2][i] == 'bytes' then bytes = tonumber(last[2][i + 1]) end
end
answer[7], answer[8], answer[9] = redis.call('XLEN', journal), sequence_of(first), sequence_of(last)
answer[10] = bytes
return answer
