"""The scripts of :mod:`sms.store.lives`: each of them happens whole or not at all, on whichever node.

A slot is what is known of one id of an operator: one line for each part that has it, ``id part of address remote-id``,
and one for each receipt that came before it, ``!form receipt``. A receipt is itself one string, so that the set of
those that wait holds all there is of it::

    operator  mode  addresses  letter  remote-id  detail  bind  at  form=plain,form=plain...

``mode`` is ``auto`` or ``strict``; ``addresses`` are prints of those in the receipt, joined by commas, ``-`` first
where it hides the customer's number; the forms are in the order in which they are to be tried.
"""

from __future__ import annotations

MAX_LINES = 2_000  # of one life: 255 parts with all that can be said of them; more is an operator gone mad
MAX_IN_SLOT = 16  # parts and receipts under one id: an operator that gives the same id to everything

_COMMON = f"""
local function fields(line)
  local found = {{}}
  for field in string.gmatch(line .. '\\t', '([^\\t]*)\\t') do found[#found + 1] = field end
  return found
end

local function write(life, line, keep)
  local length = redis.call('RPUSH', life, line)
  if length == 1 then redis.call('EXPIRE', life, keep) end
  return length
end

-- Write what a receipt says of a part. Answers false when it was said before.
local function say(base, part, receipt, keep)
  local life = base .. 'life:' .. part[1]
  local head = receipt[4] .. part[2] .. '/'
  local tail = '\\t' .. part[5] .. '\\t' .. receipt[6] .. '\\t'
  local lines = redis.call('LRANGE', life, 0, -1)
  for _, line in ipairs(lines) do
    if string.sub(line, 1, #head) == head and string.find(line, tail, #head, true) then return false, lines end
  end
  if #lines >= {MAX_LINES} then return false, lines end
  local line = head .. part[3] .. tail .. receipt[7] .. '\\t' .. receipt[8]
  write(life, line, keep)
  lines[#lines + 1] = line
  return true, lines
end

-- Whether a receipt is about this address: yes, no, or nil where it names none.
local function same_address(receipt, address)
  if string.find(',' .. receipt[3] .. ',', ',' .. address .. ',', 1, true) then return true end
  if string.byte(receipt[3]) == 45 then return nil end
  return false
end

local function has_last_word(base, part)
  for _, line in ipairs(redis.call('LRANGE', base .. 'life:' .. part[1], 0, -1)) do
    if string.find('duer', string.sub(line, 1, 1), 1, true) and
       string.find(line, '^.' .. part[2] .. '/') and string.find(line, '\\t' .. part[5] .. '\\t', 1, true) then
      return true
    end
  end
  return false
end

-- The one part of a slot that is meant. Answers part, or nil and how many there are.
local function one_of(base, found, remote_id)
  if #found <= 1 then return found[1], #found end
  local exact = {{}}
  for _, part in ipairs(found) do if part[5] == remote_id then exact[#exact + 1] = part end end
  if #exact > 0 then found = exact end
  if #found == 1 then return found[1], 1 end
  local open = {{}}  -- an operator that began to count anew: the earlier one has had its last word
  for _, part in ipairs(found) do if not has_last_word(base, part) then open[#open + 1] = part end end
  if #open == 1 then return open[1], 1 end
  if #open == 0 then return found[#found], 1 end
  return nil, #open
end

-- Find the part that a receipt is about, under the forms up to ``last``. Answers part, or nil and how many fit.
local function find(base, receipt, last)
  local all, number = {{}}, 0
  for form, plain in string.gmatch(receipt[9], '(%a+)=([^,]*)') do
    number = number + 1
    if number > last then break end
    local slot = redis.call('GET', base .. 'slot:' .. receipt[1] .. ':' .. plain)
    local sure, unsure = {{}}, {{}}
    if slot then
      for line in string.gmatch(slot, '[^\\n]+') do
        if string.sub(line, 1, 1) ~= '!' then
          local part = fields(line)
          local same = same_address(receipt, part[4])
          if same then sure[#sure + 1] = part
          elseif same == nil and (form == 'same' or (receipt[2] == 'strict' and number == 1)) then
            unsure[#unsure + 1] = part
          end
        end
      end
    end
    local found = #sure > 0 and sure or unsure
    if #found > 0 then
      local part, count = one_of(base, found, receipt[5])
      if receipt[2] == 'strict' then return part, count end
      if not part then return nil, count end
      all[#all + 1] = part
    end
  end
  if #all == 2 and all[1][1] == all[2][1] and all[1][2] == all[2][2] then return all[1], 1 end
  if #all > 1 then return nil, #all end
  return all[1], #all
end

-- Give up receipts that have waited long enough, or when too many wait. Those whose text has another form of the id
-- than their operator's are for find their part now; nothing else came for it in all that time.
local function sweep(base, now, most, keep)
  local parked, late = base .. 'parked', {{}}
  local old = redis.call('ZRANGEBYSCORE', parked, '-inf', now, 'LIMIT', 0, 100)
  local over = redis.call('ZCARD', parked) - #old - most
  if over > 0 then
    for _, receipt in ipairs(redis.call('ZRANGE', parked, #old, #old + over - 1)) do old[#old + 1] = receipt end
  end
  for _, text in ipairs(old) do
    redis.call('ZREM', parked, text)
    local receipt = fields(text)
    local part = find(base, receipt, 9)
    if part then
      local new, lines = say(base, part, receipt, keep)
      late[#late + 1] = {{receipt[1], new and 'matched' or 'repeated', part[1], lines}}
    else
      late[#late + 1] = {{receipt[1], 'unmatched'}}
    end
  end
  return late
end
"""

# Both are called for many changes at once, and answer a list of what each of them came to.

# ARGV: base, keep s, then for each change id and line; a line that begins with + tells of a part that the operator has
# accepted under an id, and is followed by operator:plain-id and the part's line in the slot.
# Answers for each: 0, or what the receipts that came before it said: operator, what became of it, id, the life's lines.
NOTE = (
    _COMMON
    + f"""
local base, keep = ARGV[1], tonumber(ARGV[2])

-- A slot that holds something: receipts that came before their text, or another part under the same id.
local function meet(slot, entry, id)
  local part, kept, known, applied = fields(entry), {{}}, false, {{}}
  for old in string.gmatch(redis.call('GET', slot), '[^\\n]+') do
    local form, text = string.match(old, '^!(%a+)\\t(.*)$')
    if not form then
      known = known or old == entry
      kept[#kept + 1] = old
    elseif redis.call('ZSCORE', base .. 'parked', text) then
      local receipt = fields(text)
      local same, first = same_address(receipt, part[4]), string.match(receipt[9], '^(%a+)=')
      if (receipt[2] == 'auto' and (same or (same == nil and form == 'same'))) or
         (receipt[2] == 'strict' and form == first and same ~= false) then
        redis.call('ZREM', base .. 'parked', text)
        local new, lines = say(base, part, receipt, keep)
        applied[#applied + 1] = {{receipt[1], new and 'matched' or 'repeated', id, lines}}
      else
        kept[#kept + 1] = old
      end
    end
  end
  if not known then kept[#kept + 1] = entry end
  redis.call('SET', slot, table.concat(kept, '\\n', math.max(1, #kept - {MAX_IN_SLOT - 1})), 'EX', keep)
  return #applied > 0 and applied or 0
end

local answers, i = {{}}, 3
while i < #ARGV do
  local id, line, answer = ARGV[i], ARGV[i + 1], 0
  i = i + 2
  if string.byte(line) == 43 then
    local slot, entry = base .. 'slot:' .. ARGV[i], ARGV[i + 1]
    i = i + 2
    write(base .. 'life:' .. id, string.sub(line, 2), keep)
    if not redis.call('SET', slot, entry, 'NX', 'EX', keep) then answer = meet(slot, entry, id) end
  else
    write(base .. 'life:' .. id, line, keep)
  end
  answers[#answers + 1] = answer
end
return answers
"""
)

# ARGV: base, keep s, how many may wait, how long s, then for each receipt: now, the receipt, whether it may wait.
# Answers for each: what became of it, id, the life's lines, and what became of those that were given up meanwhile.
RECEIVE = (
    _COMMON
    + f"""
local base, keep, most, wait = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local parked = base .. 'parked'

-- Have a receipt wait under every form of its id. Answers false when it waits already.
local function park(receipt, text, now)
  local slots = {{}}
  for form, plain in string.gmatch(receipt[9], '(%a+)=([^,]*)') do
    local slot, kept = base .. 'slot:' .. receipt[1] .. ':' .. plain, {{}}
    for old in string.gmatch(redis.call('GET', slot) or '', '[^\\n]+') do
      local other = string.match(old, '^!%a+\\t(.*)$')
      if not other then
        kept[#kept + 1] = old
      elseif redis.call('ZSCORE', parked, other) then
        local fields_, same = fields(other), true
        for f = 1, 6 do same = same and fields_[f] == receipt[f] end  -- again, at another time or over another bind
        if same then return false end
        kept[#kept + 1] = old
      end
    end
    if #kept < {MAX_IN_SLOT} then kept[#kept + 1] = '!' .. form .. '\\t' .. text end
    slots[#slots + 1] = {{slot, table.concat(kept, '\\n')}}
  end
  for _, slot in ipairs(slots) do
    local seconds = math.max(redis.call('TTL', slot[1]), wait + 60)
    redis.call('SET', slot[1], slot[2], 'EX', seconds)
  end
  redis.call('ZADD', parked, now + wait, text)
  redis.call('EXPIRE', parked, keep)
  return true
end

local answers = {{}}
for i = 5, #ARGV, 3 do
  local now, text, may_wait = tonumber(ARGV[i]), ARGV[i + 1], ARGV[i + 2] == '1'
  local late = sweep(base, now, most, keep)
  local receipt = fields(text)
  local part, count = find(base, receipt, receipt[2] == 'strict' and 1 or 9)
  local became, id, lines = 'unmatched', '', {{}}
  if part then
    local new
    new, lines = say(base, part, receipt, keep)
    became, id = new and 'matched' or 'repeated', part[1]
  elseif count > 1 then
    became = 'ambiguous'
  elseif may_wait then
    became = park(receipt, text, now) and 'parked' or 'repeated'
  end
  answers[#answers + 1] = {{became, id, lines, late}}
end
return answers
"""
)

# ARGV: base, keep s, how many may wait, now. Answers what became of those that were given up, and how many still wait.
SWEEP = (
    _COMMON
    + """
local late = sweep(ARGV[1], tonumber(ARGV[4]), tonumber(ARGV[3]), tonumber(ARGV[2]))
return {late, redis.call('ZCARD', ARGV[1] .. 'parked')}
"""
)
