-- The ledger is whole again: changes are taken from now on.
--
-- ARGV: 1 who rebuilt it, 2 the store's id, 3 the last number given, 4 the journal's sequence.
-- Answers 1, or 0 if somebody else rebuilds by now.

if redis.call('GET', shard .. ':rebuilder') ~= ARGV[1] then return 0 end
redis.call('SET', shard .. ':numbers', ARGV[3])
redis.call('HSET', journal_state, 'sequence', ARGV[4], 'done', ARGV[4], 'bytes', 0, 'done_bytes', 0)
redis.call('SET', shard .. ':store', ARGV[2])
redis.call('DEL', shard .. ':rebuilding', shard .. ':rebuilder')
return 1
