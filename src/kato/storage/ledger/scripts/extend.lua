-- Give a session another time to live, from now on.
--
-- ARGV: 1 operation, 2 how long its answer is kept (ms), 3 session, 4 its time to live in s,
-- 5 what a repeat of the operation is told.
-- Answers {1 if it is there, what a repeat is told}.

local operation, kept = ARGV[1], ARGV[2]
local known = answered(operation)
if known then return known end
local key = shard .. ':session:' .. ARGV[3]
if redis.call('EXISTS', key) == 0 then return cmsgpack.pack({0, ''}) end
redis.call('HSET', key, 'ttl', ARGV[4])
prolong(ARGV[3], tonumber(ARGV[4]))
return answer(operation, kept, cmsgpack.pack({1, ARGV[5]}))
