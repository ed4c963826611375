-- Let no new batch be claimed, of the journal or of a log: what stands is carried, and nothing else.
--
-- ARGV: 1 who holds, 2 for how long at the most (ms), again and again; 0 lets go.
-- Answers {1 if it is held by them, 0 if by somebody else, -1 if a pattern was given back that
-- ClickHouse still hides: readers wait for that; the last sequence ClickHouse has; 1 if an intent stands}.

local key = shard .. ':held'
local holder = redis.call('GET', key)
if holder and holder ~= ARGV[1] then return {0, 0, 0} end
local state = redis.call('HMGET', journal_state, 'done', 'intent_first', 'restored')
if ARGV[2] == '0' then
  redis.call('DEL', key)
elseif not holder and number(state[3]) > number(state[1]) then
  return {-1, 0, 0}
else
  redis.call('SET', key, ARGV[1], 'PX', ARGV[2])
end
return {1, number(state[1]), state[2] and 1 or 0}
