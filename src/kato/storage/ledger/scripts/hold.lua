-- Let no new batch be claimed, of the journal or of a log, for a while or until it is released.
--
-- ARGV: 1 who holds, 2 for how long at the most (ms); the same may hold again, to hold on.
-- Answers 1, or 0 if somebody else holds.

local key = shard .. ':held'
local holder = redis.call('GET', key)
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', key, ARGV[1], 'PX', ARGV[2])
return 1
