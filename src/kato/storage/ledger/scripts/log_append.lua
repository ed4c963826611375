-- Append records to a log, all or none. An entry holds the record, and the bytes of the log up to
-- its end, so that what the log holds is known from its first and last entry.
--
-- ARGV: 1 the topic, 2 the writer, 3 its batch's number, 4 bytes the log may hold, 5 '1' if old
-- records give way and '0' if new ones are refused, 6 ms a repeat is known, 7 on: the records.
-- Answers the first one's offset, or -1 if there is no room. A repeat of the writer's last batch is
-- answered as the first time.

local log = shard .. ':log:' .. ARGV[1]
local writer = shard .. ':writer:' .. ARGV[2]
local limit = tonumber(ARGV[4])
local OVERHEAD = 32    -- bytes of an entry beside its record

local last_number, first_offset = string.match(redis.call('GET', writer) or '', '^(%d+) (%d+)$')
if last_number == ARGV[3] then return tonumber(first_offset) end

local function total_at(entry)
  return entry and tonumber(entry[2][4]) or 0
end

local function held(total)
  local first = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
  return first and total - total_at(first) + #first[2][2] + OVERHEAD or 0
end

local size = 0
for i = 7, #ARGV do size = size + #ARGV[i] + OVERHEAD end
local total = total_at(redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1])
while held(total) + size > limit do
  local length = redis.call('XLEN', log)
  if length == 0 then break end    -- a batch larger than the limit is taken alone
  if ARGV[5] == '0' then return -1 end
  redis.call('XTRIM', log, 'MAXLEN', math.floor(length * 3 / 4))
  if redis.call('XLEN', log) == 0 then total = 0 end
end

local first
for i = 7, #ARGV do
  total = total + #ARGV[i] + OVERHEAD
  local id = redis.call('XADD', log, '1-*', 'record', ARGV[i], 'total', string.format('%.0f', total))
  first = first or string.match(id, '%d+$')
end
redis.call('SET', writer, ARGV[3] .. ' ' .. first, 'PX', ARGV[6])
return tonumber(first)
