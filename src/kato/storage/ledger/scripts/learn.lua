-- Learn patterns, keep a session's step, and journal both, as one step.
--
-- ARGV: 1 operation, 2 how long its answer is kept (ms), 3 knowledge base, 4 batch
-- {offsets, symbols, event offsets, event ends}, 5 the batch's distinct symbols, 6 how often each occurs in it,
-- 7 {pattern's position -> {emotive records, their means, metadata}}, 8 persistence, 9 journal limit
-- in bytes, 10 vectors, 11 names (20 bytes each; cmsgpack knows no binary type, so they come apart),
-- 12 what a repeat of the operation is told besides, 13 how often each pattern is learned, or '' if
-- once, 14 bytes the server may use or 0, 15 session or '', 16 ... the rest of its step.
-- Answers {kb, {id, ...}, {frequency, ...}, what a repeat is told}, or an error before anything is
-- changed.

-- What the server uses is measured once a second: to ask it takes as long as a learn.
local function memory_is_full(limit)
  if limit == 0 then return false end
  local key, second = shard .. ':memory', redis.call('TIME')[1]
  local known = redis.call('HMGET', key, 'second', 'used')
  if known[1] ~= second then
    known[2] = string.match(redis.call('INFO', 'memory'), 'used_memory:(%d+)')
    redis.call('HSET', key, 'second', second, 'used', known[2])
  end
  return number(known[2]) >= limit
end

local operation, kept = ARGV[1], ARGV[2]
local known = answered(operation)
if known then return known end
local refused = refusal()
if refused then return refused end

local step = ARGV[15] ~= '' and {unpack(ARGV, 15)}
if step and not is_current(step) then
  return redis.error_reply('KATOCONFLICT the session moved on')
end
-- A script that fails keeps what it has written: all that can fail comes before the first write.
local batch, texts, occurring, brought =
  cmsgpack.unpack(ARGV[4]), cmsgpack.unpack(ARGV[5]), cmsgpack.unpack(ARGV[6]), cmsgpack.unpack(ARGV[7])
local times = ARGV[13] ~= '' and cmsgpack.unpack(ARGV[13])
local names, offsets, symbols = ARGV[11], batch[1], batch[2]
local count = #names / 20
if count == 0 then
  if step then keep_session(step, ARGV[3]) end
  return answer(operation, kept, cmsgpack.pack({0, {}, {}, ARGV[12]}))
end
if journal_is_full(tonumber(ARGV[9])) then
  return redis.error_reply('KATOFULL the journal is full')
end
if memory_is_full(tonumber(ARGV[14])) then
  return redis.error_reply('KATOMEMORY the ledger uses all the memory it may')
end

local kb, is_new_kb = open_kb(ARGV[3])
local meta = shard .. ':' .. kb
local prefix = meta .. ':'
local totals = redis.call('HMGET', meta, 'patterns', 'frequencies', 'symbols', 'occurrences',
  'next_pattern', 'next_symbol', 'buckets')
local patterns, frequencies, vocabulary, occurrences =
  number(totals[1]), number(totals[2]), number(totals[3]), number(totals[4])
local next_pattern, next_symbol, buckets =
  number(totals[5]), number(totals[6]), number(totals[7])

-- Symbols: local position in the batch -> id, new texts numbered in the order they first occur.
local ids = hmget(prefix .. 'symbol', texts)
local new_symbols, new_ids, new_texts = {}, {}, {}
for i = 1, #texts do
  if ids[i] then
    ids[i] = tonumber(ids[i])
  else
    next_symbol = next_symbol + 1
    ids[i] = next_symbol
    new_symbols[#new_symbols + 1] = texts[i]
    new_symbols[#new_symbols + 1] = next_symbol
    new_ids[#new_ids + 1] = next_symbol
    new_texts[#new_texts + 1] = texts[i]
  end
end
hset(prefix .. 'symbol', new_symbols)

-- Patterns: new or known, and their frequencies.
local pattern_ids, pattern_frequencies, members, last_seen = {}, {}, {}, {}
local power = power_below(buckets)
local any_new = false
local learns = 0
for p = 1, count do
  local name = string.sub(names, 20 * p - 19, 20 * p)
  local bucket = prefix .. 'name:' .. bucket_of(name, buckets, power)
  local id = tonumber(redis.call('HGET', bucket, name) or nil)
  local often = times and times[p] or 1
  learns = learns + often
  if id then
    local place = prefix .. 'freq:' .. math.floor(id / 64)
    pattern_frequencies[p] = redis.call('HINCRBY', place, id % 64, often)
  else
    next_pattern = next_pattern + 1
    id = next_pattern
    patterns = patterns + 1
    any_new = true
    redis.call('HSET', bucket, name, id)
    redis.call('HSET', prefix .. 'freq:' .. math.floor(id / 64), id % 64, often)
    pattern_frequencies[p] = often
    for s = offsets[p] + 1, offsets[p + 1] do
      local symbol = symbols[s] + 1
      if last_seen[symbol] ~= p then
        last_seen[symbol] = p
        members[symbol] = (members[symbol] or 0) + 1
      end
    end
    if patterns > FILL * buckets then
      split_bucket(prefix, buckets)
      buckets = buckets + 1
      power = power_below(buckets)
    end
  end
  pattern_ids[p] = id
end

-- Counters of the symbols.
local occurred = 0
local counted, changed = hmget(prefix .. 'count', ids), {}
for i = 1, #ids do
  local frequency, member = unpack_count(counted[i])
  if frequency == 0 then vocabulary = vocabulary + 1 end
  occurred = occurred + occurring[i]
  changed[#changed + 1] = ids[i]
  changed[#changed + 1] = pack_count(frequency + occurring[i], member + (members[i] or 0))
end
hset(prefix .. 'count', changed)
redis.call('HSET', meta, 'patterns', patterns, 'frequencies', frequencies + learns,
  'symbols', vocabulary, 'occurrences', occurrences + occurred,
  'next_pattern', next_pattern, 'next_symbol', next_symbol, 'buckets', buckets)

-- Emotives and metadata, for the patterns that bring any.
local persistence = tonumber(ARGV[8])
local weighed, states = {}, {}

local function loaded(part, field)
  local packed = redis.call('HGET', prefix .. part, field)
  return packed and cmsgpack.unpack(packed) or {}
end

local function add_to(sums, means)
  for emotive, mean in pairs(means) do sums[emotive] = (sums[emotive] or 0) + mean end
end

local function keep_emotives(state, records, means)
  local window = state.emotives
  for _, record in ipairs(records) do window[#window + 1] = record end
  state.emotives = {unpack(window, math.max(1, #window - persistence + 1))}
  add_to(state.felt, means)
end

local function keep_affinity(p, means)
  local seen = {}
  for s = offsets[p] + 1, offsets[p + 1] do
    local symbol = ids[symbols[s] + 1]
    if not seen[symbol] then
      seen[symbol] = true
      weighed[symbol] = weighed[symbol] or loaded('affinity', symbol)
      add_to(weighed[symbol], means)
    end
  end
end

local function keep_metadata(state, metadata)
  for name, values in pairs(metadata) do
    local all, present = state.metadata[name] or {}, {}
    for _, value in ipairs(all) do present[value] = true end
    for _, value in ipairs(values) do
      if not present[value] then all[#all + 1] = value end
    end
    state.metadata[name] = all
  end
end

-- In the order of the batch: a pattern may stand in it twice.
for p = 1, count do
  local parts = brought[p]
  if parts then
    local id = pattern_ids[p]
    states[id] = states[id] or {emotives = loaded('emotives', id), metadata = loaded('metadata', id),
      felt = loaded('felt', id)}
    if #parts[1] > 0 or next(parts[2]) then
      keep_emotives(states[id], parts[1], parts[2])
      keep_affinity(p, parts[2])
    end
    keep_metadata(states[id], parts[3])
  end
end

local state_ids, state_list = {}, {}
for id, state in pairs(states) do
  for part, value in pairs(state) do
    if next(value) then redis.call('HSET', prefix .. part, id, cmsgpack.pack(value)) end
  end
  state_ids[#state_ids + 1] = id
  state_list[#state_list + 1] = {state.emotives, state.metadata, state.felt}
end
local weighed_ids, weighed_sums = {}, {}
for symbol, sums in pairs(weighed) do
  redis.call('HSET', prefix .. 'affinity', symbol, cmsgpack.pack(sums))
  weighed_ids[#weighed_ids + 1] = symbol
  weighed_sums[#weighed_sums + 1] = sums
end

-- The journal gets what ClickHouse will need; sequences only if one of them is new.
local fields = {'rows', count, 'ids', cmsgpack.pack(pattern_ids),
  'frequencies', cmsgpack.pack(pattern_frequencies)}
local function field(name, value)
  fields[#fields + 1] = name
  fields[#fields + 1] = value
end
if is_new_kb then field('name', ARGV[3]) end
if any_new then
  field('batch', ARGV[4])
  field('names', names)
  field('symbols', cmsgpack.pack(ids))
end
if times then field('times', ARGV[13]) end
if #new_ids > 0 then field('texts', cmsgpack.pack({new_ids, new_texts})) end
if #state_ids > 0 then field('states', cmsgpack.pack({state_ids, state_list})) end
if #weighed_ids > 0 then field('affinities', cmsgpack.pack({weighed_ids, weighed_sums})) end
if ARGV[10] ~= '' then field('vectors', ARGV[10]) end
append('learn', kb, fields)

if step then keep_session(step, ARGV[3]) end
return answer(operation, kept, cmsgpack.pack({kb, pattern_ids, pattern_frequencies, ARGV[12]}))
