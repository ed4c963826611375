-- Claim a batch of a log. Offsets are compared as text, as they may be larger than Lua's numbers.
--
-- ARGV: 1 the group, 2 the batch's token, 3 the batch, then of each partition: 4 its name, 5 the
-- first offset, 6 the one behind the last.
-- Answers 1, 0 if another batch stands or a partition is at another offset, or -1 while a backup is
-- taken.

local key = shard .. ':ingest:' .. ARGV[1]
local token = redis.call('HGET', key, 'token')
if token then return token == ARGV[2] and 1 or 0 end
if redis.call('EXISTS', shard .. ':held') == 1 then return -1 end
for i = 4, #ARGV, 3 do
  local at = redis.call('HGET', key, ARGV[i])
  if at and at ~= ARGV[i + 1] then return 0 end
end
redis.call('SADD', shard .. ':ingests', ARGV[1])
redis.call('HSET', key, 'token', ARGV[2], 'intent', ARGV[3])
return 1
