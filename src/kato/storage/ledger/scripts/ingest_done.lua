-- A batch of a log was carried out: the group goes on behind it, and a log of the ledger's own lets
-- go of it.
--
-- ARGV: 1 the group, 2 the batch's token, 3 '1' if streams lose what is done, then of each partition:
-- 4 its name, 5 the offset behind the last, 6 its topic.
-- Answers 1, or 0 if somebody said so before.

local key = shard .. ':ingest:' .. ARGV[1]
if redis.call('HGET', key, 'token') ~= ARGV[2] then return 0 end
for i = 4, #ARGV, 3 do
  redis.call('HSET', key, ARGV[i], ARGV[i + 1])
  if ARGV[3] == '1' then
    redis.call('XTRIM', shard .. ':log:' .. ARGV[i + 2], 'MINID', '1-' .. ARGV[i + 1])
  end
end
redis.call('HDEL', key, 'token', 'intent')
return 1
