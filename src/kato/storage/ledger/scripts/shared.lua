-- What every script of the ledger begins with. Each runs as one atomic step.
--
-- KEYS[1] is the ledger's shard, "{0}" unless its settings say otherwise. Every key a script touches
-- carries it as its hash tag, so all of them are on one node of a cluster.
--
--   {0}:names                 hash    knowledge base's name -> its current number
--   {0}:numbers               string  the last number given
--   {0}:<kb>                  hash    the number's totals: patterns, frequencies, symbols, occurrences,
--                                     next_pattern, next_symbol, buckets, forgotten, restored
--   {0}:<kb>:name:<bucket>    hash    pattern name (20 bytes) -> pattern id
--   {0}:<kb>:freq:<id / 64>   hash    pattern id % 64 -> frequency
--   {0}:<kb>:symbol           hash    symbol text -> symbol id
--   {0}:<kb>:count            hash    symbol id -> frequency (6 bytes), member patterns (6 bytes)
--   {0}:<kb>:affinity         hash    symbol id -> emotive -> sum
--   {0}:<kb>:inherited        hash    symbol id -> emotive -> the part of its sum that came with a move
--   {0}:<kb>:emotives         hash    pattern id -> newest records, each as JSON
--   {0}:<kb>:metadata         hash    pattern id -> key -> values
--   {0}:<kb>:felt             hash    pattern id -> emotive -> its share of the affinity sums
--   {0}:journal               stream  what ClickHouse has not got yet; ids are <sequence>-0
--   {0}:journal:state         hash    sequence, bytes, done, done_bytes, and the intent
--   {0}:held                  string  who wants that no new batch is claimed, for some seconds
--   {0}:notes:<subject>       hash    name of a knowledge base -> what was agreed on for it
--   {0}:undo, {0}:undo:*      what was taken away and can be given back; see taking.lua
--   {0}:memory                hash    bytes the server used, and in which second that was (see learn.lua)
--   {0}:dropped               set     numbers whose keys are still to be removed
--   {0}:session:<id>          hash    version, kb, state; ttl in s, created in ms, about
--   {0}:sessions              zset    session's id -> when it expires, in ms
--   {0}:op:<id>               string  the answer to an operation that was carried out
--   {0}:ingests               set     groups of market ingest
--   {0}:ingest:<group>        hash    token, intent; packed topic and partition -> the next offset
--   {0}:log:<topic>           stream  records of market feeds; ids are 1-<offset>
--   {0}:writer:<id>           string  the number and first offset of its last batch
--   {0}:rebuilding            hash    there while the ledger is rebuilt: number -> how far, -1 if done
--   {0}:rebuilder             string  who rebuilds it, as long as they say so

local shard = KEYS[1]
local journal = shard .. ':journal'
local journal_state = shard .. ':journal:state'

local FORMAT = 1
local CHUNK = 3000     -- Lua's unpack takes some 8,000 values at the most
local FILL = 40        -- patterns a name bucket holds before one bucket is split

local function hmget(key, fields)
  local values = {}
  for first = 1, #fields, CHUNK do
    local last = math.min(first + CHUNK - 1, #fields)
    local part = redis.call('HMGET', key, unpack(fields, first, last))
    for i = 1, #part do values[first + i - 1] = part[i] end
  end
  return values
end

local function hset(key, pairs_list)
  for first = 1, #pairs_list, CHUNK do
    redis.call('HSET', key, unpack(pairs_list, first, math.min(first + CHUNK - 1, #pairs_list)))
  end
end

local function number(text)
  return tonumber(text or '0') or 0
end

-- Linear hashing: with B buckets, 2^L <= B < 2^(L+1), the first B - 2^L buckets are split already.
local function name_hash(name)
  local a, b, c, d = string.byte(name, 1, 4)
  return a + b * 256 + c * 65536 + d * 16777216
end

local function power_below(buckets)
  local power = 1
  while power * 2 <= buckets do power = power * 2 end
  return power
end

local function bucket_of(name, buckets, power)
  local hash = name_hash(name)
  local bucket = hash % (power * 2)
  if bucket >= buckets then bucket = hash % power end
  return bucket
end

-- Give the bucket that is next in turn half of its names to a new one.
local function split_bucket(prefix, buckets)
  local power = power_below(buckets)
  local source = prefix .. 'name:' .. (buckets - power)
  local entries = redis.call('HGETALL', source)
  local moved, gone = {}, {}
  for i = 1, #entries, 2 do
    if name_hash(entries[i]) % (power * 2) == buckets then
      moved[#moved + 1] = entries[i]
      moved[#moved + 1] = entries[i + 1]
      gone[#gone + 1] = entries[i]
    end
  end
  if #gone > 0 then
    hset(prefix .. 'name:' .. buckets, moved)
    redis.call('HDEL', source, unpack(gone))
  end
end

local function pattern_id(prefix, buckets, name)
  local bucket = bucket_of(name, buckets, power_below(buckets))
  return tonumber(redis.call('HGET', prefix .. 'name:' .. bucket, name) or nil)
end

local function frequency_of(prefix, id)
  return tonumber(redis.call('HGET', prefix .. 'freq:' .. math.floor(id / 64), id % 64) or nil)
end

local function pack_count(frequency, members)
  return struct.pack('<I6I6', frequency, members)
end

local function unpack_count(packed)
  if not packed then return 0, 0 end
  local frequency, members = struct.unpack('<I6I6', packed)
  return frequency, members
end

-- An entry's `bytes` is the journal's running total behind it, so that what waits can be bounded.
local function append(kind, kb, fields)
  local size = 64
  for i = 1, #fields do size = size + #tostring(fields[i]) end
  local sequence = redis.call('HINCRBY', journal_state, 'sequence', 1)
  local total = redis.call('HINCRBY', journal_state, 'bytes', size)
  redis.call('XADD', journal, sequence .. '-0', 'format', FORMAT, 'kind', kind, 'kb', kb,
    'bytes', total, unpack(fields))
  return sequence
end

local function journal_is_full(limit)
  local state = redis.call('HMGET', journal_state, 'bytes', 'done_bytes')
  return number(state[1]) - number(state[2]) >= limit
end

-- A repeated operation is answered with what it answered the first time.
local function answered(operation)
  if operation == '' then return nil end
  return redis.call('GET', shard .. ':op:' .. operation) or nil
end

local function answer(operation, milliseconds, result)
  if operation ~= '' then
    redis.call('SET', shard .. ':op:' .. operation, result, 'PX', milliseconds)
  end
  return result
end

-- While the ledger is rebuilt nothing is changed, and nothing that may still come is called missing.
local function refusal()
  if redis.call('EXISTS', shard .. ':rebuilding') == 0 then return nil end
  return redis.error_reply('KATOREBUILDING the ledger is being rebuilt')
end

local function milliseconds()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Let a session live for so long from now on.
local function prolong(id, seconds)
  local expires = milliseconds() + 1000 * seconds
  redis.call('PEXPIREAT', shard .. ':session:' .. id, expires)
  redis.call('ZADD', shard .. ':sessions', expires, id)
end

-- Steps of sessions: {id, version it was computed from, next version, slides, state} and, where the
-- session begins with it, {ttl in s, about}. Whether the session is where the step thinks it is.
local function is_current(step)
  return number(redis.call('HGET', shard .. ':session:' .. step[1], 'version')) == tonumber(step[2])
end

local function keep_session(step, kb_name)
  local key = shard .. ':session:' .. step[1]
  redis.call('HSET', key, 'version', step[3], 'kb', kb_name, 'state', step[5])
  if step[6] ~= '' then
    redis.call('HSET', key, 'ttl', step[6], 'about', step[7], 'created', milliseconds())
    prolong(step[1], tonumber(step[6]))
  elseif step[4] == '1' then
    prolong(step[1], tonumber(redis.call('HGET', key, 'ttl')))
  end
end

local function open_kb(name)
  local kb = redis.call('HGET', shard .. ':names', name)
  if kb then return tonumber(kb), false end
  kb = redis.call('INCR', shard .. ':numbers')
  redis.call('HSET', shard .. ':names', name, kb)
  redis.call('HSET', shard .. ':' .. kb, 'buckets', 1)
  return kb, true
end
