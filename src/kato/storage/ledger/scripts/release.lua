-- Let batches be claimed again. ARGV: 1 who holds. Answers 1, or 0 if it did not hold any more.

local key = shard .. ':held'
if redis.call('GET', key) ~= ARGV[1] then return 0 end
redis.call('DEL', key)
return 1
