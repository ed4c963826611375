-- Give back what a knowledge base lost last.
--
-- ARGV: 1 operation, 2 how long its answer is kept (ms), 3 knowledge base, 4 journal limit in bytes,
-- 5 what a repeat of the operation is told, 6 1 if what is there now gives way, 7 ms that this can be
-- undone in turn.
-- Answers {what became of it, what was or would be given back, patterns that are in the way, what a
-- repeat is told}. It becomes of it: done; nothing, if there is nothing to be undone; occupied, if the
-- knowledge base holds patterns or the pattern was learned anew, and they do not give way; held, if it
-- is a pattern and the journal is held: who asks for it would wait until ClickHouse gets it.

local operation, kept = ARGV[1], ARGV[2]
local known = answered(operation)
if known then return known end
local refused = refusal()
if refused then return refused end
if journal_is_full(tonumber(ARGV[4])) then
  return redis.error_reply('KATOFULL the journal is full')
end
local name, gives_way, window = ARGV[3], ARGV[6] == '1', tonumber(ARGV[7])

local function newest()
  local sequences = redis.call('LRANGE', taken .. ':of:' .. name, 0, -1)
  for i = #sequences, 1, -1 do
    local record = undoable(sequences[i])
    if record then return sequences[i], record end
  end
end

local function unpacked(packed)
  return packed and packed ~= '' and cmsgpack.unpack(packed) or {}
end

local function added(sums, more)
  for emotive, share in pairs(more) do sums[emotive] = (sums[emotive] or 0) + share end
  return sums
end

local function restored_sums(prefix, change, felt)
  local symbol, before, after, inherited = unpack(change)
  local packed = redis.call('HGET', prefix .. 'affinity', symbol) or ''
  if packed == after then return unpacked(before) end
  return added(added(unpacked(packed), felt), unpacked(inherited))
end

-- The opposite of take_out.
local function put_back(kb, record)
  local meta = shard .. ':' .. kb
  local prefix = meta .. ':'
  local totals = redis.call('HMGET', meta, 'patterns', 'frequencies', 'symbols', 'occurrences', 'buckets')
  local buckets, vocabulary, occurrences = number(totals[5]), number(totals[3]), number(totals[4])
  local id, frequency = tonumber(record.id), tonumber(record.frequency)
  local symbols = cmsgpack.unpack(record.symbols)
  for i = 1, #symbols, 2 do
    local symbol, times = symbols[i], symbols[i + 1]
    local total, members = unpack_count(redis.call('HGET', prefix .. 'count', symbol))
    if members == 0 then vocabulary = vocabulary + 1 end
    occurrences = occurrences + times * frequency
    redis.call('HSET', prefix .. 'count', symbol, pack_count(total + times * frequency, members + 1))
  end
  local felt = unpacked(record.felt)
  local weighed_ids, weighed_sums, heirs, inherited = {}, {}, {}, {}
  for _, change in ipairs(cmsgpack.unpack(record.changes)) do
    local sums = restored_sums(prefix, change, felt)
    if next(sums) then redis.call('HSET', prefix .. 'affinity', change[1], cmsgpack.pack(sums)) end
    weighed_ids[#weighed_ids + 1] = change[1]
    weighed_sums[#weighed_sums + 1] = sums
    if change[4] ~= '' then
      heirs[#heirs + 1] = change[1]
      inherited[#heirs] = added(unpacked(redis.call('HGET', prefix .. 'inherited', change[1])),
        unpacked(change[4]))
      redis.call('HSET', prefix .. 'inherited', change[1], cmsgpack.pack(inherited[#heirs]))
    end
  end
  for _, part in ipairs({'emotives', 'metadata', 'felt'}) do
    if record[part] then redis.call('HSET', prefix .. part, id, record[part]) end
  end
  local bucket = bucket_of(record.pattern, buckets, power_below(buckets))
  redis.call('HSET', prefix .. 'name:' .. bucket, record.pattern, id)
  redis.call('HSET', prefix .. 'freq:' .. math.floor(id / 64), id % 64, frequency)
  redis.call('HINCRBY', meta, 'restored', 1)
  redis.call('HSET', meta, 'patterns', number(totals[1]) + 1,
    'frequencies', number(totals[2]) + frequency, 'symbols', vocabulary, 'occurrences', occurrences)
  local entry = {'rows', 1, 'id', id, 'affinities', cmsgpack.pack({weighed_ids, weighed_sums})}
  if #heirs > 0 then field(entry, 'inherited', cmsgpack.pack({heirs, inherited})) end
  local sequence = append('undo', kb, entry)
  redis.call('HSET', journal_state, 'restored', sequence)
  return sequence
end

local function left(why, record, in_the_way)
  return cmsgpack.pack({why, record and described(record) or {'', '', '', 0, 0, 0}, in_the_way, ''})
end

local sequence, record = newest()
if not sequence then return left('nothing', nil, 0) end
local current = redis.call('HGET', shard .. ':names', name)
local meta = shard .. ':' .. (current or '')
local undone
if record.kind == 'forget' then
  if redis.call('EXISTS', shard .. ':held') == 1 then return left('held', record, 0) end
  local there = pattern_id(meta .. ':', number(redis.call('HGET', meta, 'buckets')), record.pattern)
  if there and not gives_way then return left('occupied', record, 1) end
  if there then
    take_out(name, current, record.pattern, there, cmsgpack.unpack(record.symbols), window)
  end
  undone = put_back(current, record)
else
  local patterns = current and number(redis.call('HGET', meta, 'patterns')) or 0
  if patterns > 0 and not gives_way then return left('occupied', record, patterns) end
  redis.call('HSET', shard .. ':names', name, record.kb)
  if current then
    undone = append('clear', current, {'rows', 1, 'name', name, 'successor', record.kb})
    give_up(undone, patterns > 0 and window or 0, 'replace', name, current)
  else
    undone = append('undo', record.kb, {'rows', 1, 'name', name})
  end
end
-- It is kept until ClickHouse knows, which must not delete its rows before.
redis.call('HSET', taken .. ':' .. sequence, 'undone', undone)
redis.call('LREM', taken .. ':of:' .. name, -1, sequence)
return answer(operation, kept, cmsgpack.pack({'done', described(record), 0, ARGV[5]}))
