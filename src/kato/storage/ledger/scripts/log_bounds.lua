-- Which offsets a log keeps. ARGV: 1 the topic.
-- Answers {first, behind the last}, or {} if nobody wrote to it yet.

local log = shard .. ':log:' .. ARGV[1]
if redis.call('EXISTS', log) == 0 then return {} end
local told = redis.call('XINFO', 'STREAM', log)
local info = {}
for i = 1, #told, 2 do info[told[i]] = told[i + 1] end
local stop = tonumber(string.match(info['last-generated-id'], '%d+$')) + 1
local first = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
return {first and tonumber(string.match(first[1], '%d+$')) or stop, stop}
