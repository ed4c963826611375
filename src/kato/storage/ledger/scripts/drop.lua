-- Remove some of the keys of a number that was cleared. ARGV: 1 how many keys at the most.
-- Answers the number it worked on, or 0 if nothing is left to remove.

local kb = redis.call('SRANDMEMBER', shard .. ':dropped')
if not kb then return 0 end
local meta = shard .. ':' .. kb
local prefix = meta .. ':'
local state = redis.call('HMGET', meta, 'buckets', 'next_pattern', 'removed')
local buckets, blocks = number(state[1]), math.floor(number(state[2]) / 64) + 1
local removed = number(state[3])
local last = math.min(removed + tonumber(ARGV[1]), buckets + blocks)
for i = removed, last - 1 do
  if i < buckets then
    redis.call('UNLINK', prefix .. 'name:' .. i)
  else
    redis.call('UNLINK', prefix .. 'freq:' .. (i - buckets))
  end
end
if last < buckets + blocks then
  redis.call('HSET', meta, 'removed', last)
  return tonumber(kb)
end
redis.call('UNLINK', prefix .. 'symbol', prefix .. 'count', prefix .. 'affinity',
  prefix .. 'inherited', prefix .. 'emotives', prefix .. 'metadata', prefix .. 'felt', meta)
redis.call('SREM', shard .. ':dropped', kb)
return tonumber(kb)
