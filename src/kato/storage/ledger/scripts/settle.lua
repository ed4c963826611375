-- Let go of what was kept long enough, oldest first.
--
-- ARGV: 1 how many may be kept at the most, 2 how many to let go at the most.
-- Answers {1 if there may be more to let go, the last sequence up to which ClickHouse may delete what is
-- void}. What is void behind it can still be given back, or ClickHouse has not heard of it yet.

local done, now = number(redis.call('HGET', journal_state, 'done')), milliseconds()
local surplus = redis.call('ZCARD', taken) - tonumber(ARGV[1])
local oldest = redis.call('ZRANGE', taken, 0, tonumber(ARGV[2]) - 1)
local let_go = 0
for i, sequence in ipairs(oldest) do
  local key = taken .. ':' .. sequence
  local kind, kb, name, expires, undone =
    unpack(redis.call('HMGET', key, 'kind', 'kb', 'name', 'expires', 'undone'))
  if undone and done < number(undone) then break end
  if not undone and number(expires) > now and i > surplus then break end
  if not undone and kind ~= 'forget' then redis.call('SADD', shard .. ':dropped', kb) end
  redis.call('LREM', taken .. ':of:' .. name, 1, sequence)
  redis.call('ZREM', taken, sequence)
  redis.call('UNLINK', key)
  let_go = let_go + 1
end
local first = redis.call('ZRANGE', taken, 0, 0)[1]
local deletable = first and math.min(done, tonumber(first) - 1) or done
return {let_go > 0 and let_go == #oldest and 1 or 0, deletable}
