-- What the scripts share that take something away: it is kept for a while, and can be given back.
-- It comes before the scripts that connection.py names.
--
--   {0}:undo                  zset    sequences of what is kept; what was undone too, until that is carried
--   {0}:undo:<sequence>       hash    kind (forget, clear, drop or replace), name, kb, patterns, at and
--                                     expires in ms, undone; of a pattern all that was taken
--   {0}:undo:of:<name>        list    sequences of what one name can be given back, oldest first

local taken = shard .. ':undo'

local function fields_of(key)
  local flat, fields = redis.call('HGETALL', key), {}
  for i = 1, #flat, 2 do fields[flat[i]] = flat[i + 1] end
  return fields
end

local function keep(sequence, window, kind, name, kb, fields)
  local now = milliseconds()
  redis.call('HSET', taken .. ':' .. sequence, 'kind', kind, 'name', name, 'kb', kb, 'at', now,
    'expires', now + window, unpack(fields))
  redis.call('ZADD', taken, sequence, sequence)
  redis.call('RPUSH', taken .. ':of:' .. name, sequence)
end

-- Give a number up: for good, or only once so many ms are over.
local function give_up(sequence, window, kind, name, kb)
  if window == 0 then
    redis.call('SADD', shard .. ':dropped', kb)
  else
    keep(sequence, window, kind, name, kb,
      {'patterns', number(redis.call('HGET', shard .. ':' .. kb, 'patterns'))})
  end
end

-- What is kept under a sequence, if it can be given back now.
local function undoable(sequence)
  local record = fields_of(taken .. ':' .. sequence)
  if record.undone or number(record.expires) <= milliseconds() then return nil end
  -- A pattern goes back to where it was taken from, which another number may have replaced.
  if record.kind == 'forget'
      and redis.call('HGET', shard .. ':names', record.name) ~= record.kb then
    return nil
  end
  return record
end

local function in_hexadecimal(bytes)
  return (string.gsub(bytes or '', '.', function(byte) return string.format('%02x', string.byte(byte)) end))
end

-- As Python reads it: {kind, name, pattern's name or '', patterns, at, expires}.
local function described(record)
  return {record.kind, record.name, in_hexadecimal(record.pattern), number(record.patterns),
    number(record.at), number(record.expires)}
end

-- The sums of a symbol as they were and as they are, if they changed: what is given back must be
-- the very same number, and sums of floats do not return where they were.
local function note_sums(changes, symbol, before, after, inherited)
  if before ~= after then changes[#changes + 1] = {symbol, before, after, inherited or ''} end
end

local function field(fields, name, value)
  fields[#fields + 1] = name
  fields[#fields + 1] = value
end

-- Take a pattern out of every counter, and journal that. `symbols` are {symbol id, occurrences, ...}.
local function take_out(name, kb, pattern, id, symbols, window)
  local meta = shard .. ':' .. kb
  local prefix = meta .. ':'
  local totals = redis.call('HMGET', meta, 'patterns', 'frequencies', 'symbols', 'occurrences', 'buckets')
  local buckets, frequency = number(totals[5]), frequency_of(prefix, id)
  local packed_felt = redis.call('HGET', prefix .. 'felt', id)
  local felt = packed_felt and cmsgpack.unpack(packed_felt) or {}
  local vocabulary, occurrences = number(totals[3]), number(totals[4])
  local weighed_ids, weighed_sums, bereft, nothing, changes = {}, {}, {}, {}, {}
  for i = 1, #symbols, 2 do
    local symbol, times = symbols[i], symbols[i + 1]
    local total, members = unpack_count(redis.call('HGET', prefix .. 'count', symbol))
    local before = redis.call('HGET', prefix .. 'affinity', symbol) or ''
    occurrences = occurrences - times * frequency
    if members == 1 then
      vocabulary = vocabulary - 1
      redis.call('HDEL', prefix .. 'count', symbol)
      redis.call('HDEL', prefix .. 'affinity', symbol)
      local inherited = redis.call('HGET', prefix .. 'inherited', symbol)
      if inherited then
        redis.call('HDEL', prefix .. 'inherited', symbol)
        bereft[#bereft + 1] = symbol
        nothing[#bereft] = {}
      end
      note_sums(changes, symbol, before, '', inherited)
      weighed_ids[#weighed_ids + 1] = symbol
      weighed_sums[#weighed_sums + 1] = {}
    else
      redis.call('HSET', prefix .. 'count', symbol,
        pack_count(total - times * frequency, members - 1))
      if next(felt) then
        local sums = cmsgpack.unpack(before)
        for emotive, share in pairs(felt) do sums[emotive] = sums[emotive] - share end
        local after = cmsgpack.pack(sums)
        redis.call('HSET', prefix .. 'affinity', symbol, after)
        note_sums(changes, symbol, before, after)
        weighed_ids[#weighed_ids + 1] = symbol
        weighed_sums[#weighed_sums + 1] = sums
      end
    end
  end
  local fields = {'patterns', 1, 'pattern', pattern, 'id', id, 'frequency', frequency,
    'symbols', cmsgpack.pack(symbols), 'changes', cmsgpack.pack(changes)}
  for _, part in ipairs({'emotives', 'metadata', 'felt'}) do
    local packed = redis.call('HGET', prefix .. part, id)
    if packed then
      field(fields, part, packed)
      redis.call('HDEL', prefix .. part, id)
    end
  end
  local power = power_below(buckets)
  redis.call('HDEL', prefix .. 'name:' .. bucket_of(pattern, buckets, power), pattern)
  redis.call('HDEL', prefix .. 'freq:' .. math.floor(id / 64), id % 64)
  redis.call('HINCRBY', meta, 'forgotten', 1)
  redis.call('HSET', meta, 'patterns', number(totals[1]) - 1,
    'frequencies', number(totals[2]) - frequency, 'symbols', vocabulary, 'occurrences', occurrences)
  local entry = {'rows', 1, 'id', id, 'affinities', cmsgpack.pack({weighed_ids, weighed_sums})}
  if #bereft > 0 then field(entry, 'inherited', cmsgpack.pack({bereft, nothing})) end
  local sequence = append('forget', kb, entry)
  if window > 0 then keep(sequence, window, 'forget', name, kb, fields) end
end
