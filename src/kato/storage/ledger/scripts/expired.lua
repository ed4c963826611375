-- Take sessions that expired off the list of sessions. ARGV: 1 how many at the most.
-- Answers their ids; each is answered once, whichever worker asks.

local list = shard .. ':sessions'
local gone = redis.call('ZRANGE', list, '-inf', milliseconds(), 'BYSCORE', 'LIMIT', 0, ARGV[1])
for _, id in ipairs(gone) do
  -- The server removes by its own clock, which may be a little behind that of this script.
  redis.call('UNLINK', shard .. ':session:' .. id)
  redis.call('ZREM', list, id)
end
return gone
