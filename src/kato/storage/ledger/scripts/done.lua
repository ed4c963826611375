-- An intent was carried out: trim what it covered. ARGV: 1 its token. Answers 1, or 0 if another
-- worker said so before.

local state = redis.call('HMGET', journal_state, 'intent_token', 'intent_last', 'intent_bytes')
if state[1] ~= ARGV[1] then return 0 end
redis.call('HSET', journal_state, 'done', state[2], 'done_bytes', state[3])
redis.call('HDEL', journal_state, 'intent_first', 'intent_last', 'intent_token', 'intent_bytes',
  'intent_rows')
redis.call('XTRIM', journal, 'MINID', (tonumber(state[2]) + 1) .. '-0')
return 1
