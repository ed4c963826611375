-- Give a knowledge base a new number: it is empty at once, the old number's keys go later.
--
-- ARGV: 1 operation, 2 how long its answer is kept (ms), 3 knowledge base, 4 journal limit in bytes.
-- Answers {old number, new number}; {0, 0} if there is nothing to clear.

local operation, kept = ARGV[1], ARGV[2]
local known = answered(operation)
if known then return known end
if journal_is_full(tonumber(ARGV[4])) then
  return redis.error_reply('KATOFULL the journal is full')
end

local old = redis.call('HGET', shard .. ':names', ARGV[3])
if not old then return answer(operation, kept, cmsgpack.pack({0, 0})) end
redis.call('HDEL', shard .. ':names', ARGV[3])
redis.call('SADD', shard .. ':dropped', old)
local new = open_kb(ARGV[3])
append('clear', old, {'rows', 1, 'name', ARGV[3], 'successor', new})
return answer(operation, kept, cmsgpack.pack({tonumber(old), new}))
