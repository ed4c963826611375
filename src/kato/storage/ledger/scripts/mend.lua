-- Set fields of a knowledge base right, each only if it still is what was seen.
--
-- ARGV: 1 knowledge base, 2 its expected number, then of each field: 3 the hash behind the number
-- ('' the totals, 'name' that of the pattern's bucket), 4 the field, 5 what was seen or '', 6 what it
-- shall be, '' to remove it.
-- Answers how many are as they shall be now.

if redis.call('HGET', shard .. ':names', ARGV[1]) ~= ARGV[2] then return 0 end
local refused = refusal()
if refused then return refused end
local meta = shard .. ':' .. ARGV[2]
local buckets = math.max(1, number(redis.call('HGET', meta, 'buckets')))
local mended = 0
for i = 3, #ARGV, 4 do
  local key, field = meta .. (ARGV[i] == '' and '' or ':' .. ARGV[i]), ARGV[i + 1]
  if ARGV[i] == 'name' then
    key = key .. ':' .. bucket_of(field, buckets, power_below(buckets))
  end
  local held, seen = redis.call('HGET', key, field) or '', ARGV[i + 2]
  if held == seen or (held == '' and seen == '0') then
    if ARGV[i + 3] == '' then
      redis.call('HDEL', key, field)
    else
      redis.call('HSET', key, field, ARGV[i + 3])
    end
    mended = mended + 1
  end
end
return mended
