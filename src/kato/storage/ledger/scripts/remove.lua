-- Remove a session.
--
-- ARGV: 1 operation, 2 how long its answer is kept (ms), 3 session, 4 what a repeat of the operation
-- is told.
-- Answers {1 if it was there, what a repeat is told}.

local operation, kept = ARGV[1], ARGV[2]
local known = answered(operation)
if known then return known end
redis.call('ZREM', shard .. ':sessions', ARGV[3])
if redis.call('UNLINK', shard .. ':session:' .. ARGV[3]) == 0 then return cmsgpack.pack({0, ''}) end
return answer(operation, kept, cmsgpack.pack({1, ARGV[4]}))
