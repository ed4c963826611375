-- Put back some of what a knowledge base had; the same again changes nothing.
--
-- ARGV: 1 who rebuilds, 2 how long they may be silent (ms), 3 the knowledge base's number, 4 its name
-- buckets, 5 pattern names (20 bytes each), 6 their ids, 7 their frequencies, 8 how far it is put back
-- with this, 9 {key behind the shard, how many arguments, ...} of hashes, 10 ... their fields and values.
-- Answers 1, or 0 if somebody else rebuilds by now.

if redis.call('GET', shard .. ':rebuilder') ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', shard .. ':rebuilder', ARGV[2])
local prefix = shard .. ':' .. ARGV[3] .. ':'
local buckets, names = tonumber(ARGV[4]), ARGV[5]
local ids, frequencies = cmsgpack.unpack(ARGV[6]), cmsgpack.unpack(ARGV[7])
local power = power_below(buckets)
for i = 1, #ids do
  local name = string.sub(names, 20 * i - 19, 20 * i)
  redis.call('HSET', prefix .. 'name:' .. bucket_of(name, buckets, power), name, ids[i])
  redis.call('HSET', prefix .. 'freq:' .. math.floor(ids[i] / 64), ids[i] % 64, frequencies[i])
end
local hashes, at = cmsgpack.unpack(ARGV[9]), 10
for i = 1, #hashes, 2 do
  local stop = at + hashes[i + 1]
  while at < stop do
    local last = math.min(at + CHUNK - 1, stop - 1)
    redis.call('HSET', shard .. hashes[i], unpack(ARGV, at, last))
    at = last + 1
  end
end
redis.call('HSET', shard .. ':rebuilding', ARGV[3], ARGV[8])
return 1
