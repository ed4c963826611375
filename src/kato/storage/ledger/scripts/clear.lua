-- Give a knowledge base a new number, or none: it is empty at once, the old number's keys go later.
--
-- ARGV: 1 operation, 2 how long its answer is kept (ms), 3 knowledge base, 4 journal limit in bytes,
-- 5 what a repeat of the operation is told, 6 1 if it keeps its name, 7 ms it can be undone,
-- 8 session or '', 9 ... the rest of its step.
-- Answers {old number or 0 if there was nothing to clear, new number or 0, what a repeat is told}.

local operation, kept = ARGV[1], ARGV[2]
local known = answered(operation)
if known then return known end
local refused = refusal()
if refused then return refused end
local keeps_name = ARGV[6] == '1'
local step = ARGV[8] ~= '' and {unpack(ARGV, 8)}
if step and not is_current(step) then
  return redis.error_reply('KATOCONFLICT the session moved on')
end
if journal_is_full(tonumber(ARGV[4])) then
  return redis.error_reply('KATOFULL the journal is full')
end

if step then keep_session(step, ARGV[3]) end
local old = redis.call('HGET', shard .. ':names', ARGV[3])
if not old and not keeps_name then return cmsgpack.pack({0, 0, ''}) end
if not old then return answer(operation, kept, cmsgpack.pack({0, 0, ARGV[5]})) end
redis.call('HDEL', shard .. ':names', ARGV[3])
local new = keeps_name and open_kb(ARGV[3]) or 0
local fields = {'rows', 1, 'name', ARGV[3]}
if keeps_name then
  fields[#fields + 1] = 'successor'
  fields[#fields + 1] = new
end
local sequence = append('clear', old, fields)
give_up(sequence, tonumber(ARGV[7]), keeps_name and 'clear' or 'drop', ARGV[3], old)
return answer(operation, kept, cmsgpack.pack({tonumber(old), new, ARGV[5]}))
