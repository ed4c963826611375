-- Hold the journal: what was claimed is carried to ClickHouse, and nothing else is claimed.
--
-- ARGV: 1 who holds it, 2 for how long from now on (ms); 0 lets go of it.
-- Answers {1 if it is held by them, the last sequence ClickHouse has, 1 if an intent stands}.

local held = shard .. ':journal:held'
local owner = redis.call('GET', held)
if owner and owner ~= ARGV[1] then return {0, 0, 0} end
if ARGV[2] == '0' then
  redis.call('DEL', held)
else
  redis.call('SET', held, ARGV[1], 'PX', ARGV[2])
end
local state = redis.call('HMGET', journal_state, 'done', 'intent_first')
return {1, number(state[1]), state[2] and 1 or 0}
