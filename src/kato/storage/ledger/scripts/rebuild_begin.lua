-- Begin to rebuild an empty ledger, or go on where a process before was cut off.
--
-- ARGV: 1 who rebuilds, 2 how long they may be silent (ms), 3 1 if nobody else can be at it.
-- Answers {1, number, how far, ...}; {0} if the ledger is not empty; {-1} if somebody else is at it.

if redis.call('EXISTS', shard .. ':store', shard .. ':numbers', shard .. ':names') > 0
    and redis.call('EXISTS', shard .. ':rebuilding') == 0 then
  return {0}
end
if ARGV[3] ~= '1' and redis.call('EXISTS', shard .. ':rebuilder') == 1 then return {-1} end
redis.call('SET', shard .. ':rebuilder', ARGV[1], 'PX', ARGV[2])
redis.call('HSET', shard .. ':rebuilding', 'since', milliseconds())
return {1, unpack(redis.call('HGETALL', shard .. ':rebuilding'))}
