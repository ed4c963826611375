-- Load a session, which lives on for its time from now; a write at most once a second.
--
-- ARGV: 1 session, 2 the version the reader has: its state is not sent again, 3 1 if its life slides.
-- Answers {version, kb, state or '', ttl in s, created in ms, when it expires in ms, about}; {0} if it
-- is not there.

local key = shard .. ':session:' .. ARGV[1]
local kept = redis.call('HMGET', key, 'version', 'kb', 'ttl', 'created', 'about')
if not kept[1] then return {0} end
local ttl = tonumber(kept[3])
if ARGV[3] == '1' and redis.call('PTTL', key) < 1000 * ttl - 1000 then prolong(ARGV[1], ttl) end
local state = kept[1] ~= ARGV[2] and redis.call('HGET', key, 'state') or ''
return {tonumber(kept[1]), kept[2], state, ttl, tonumber(kept[4]), redis.call('PEXPIRETIME', key), kept[5]}
