"""The acts of the register, each one Lua script: it happens whole or not at all, whoever else acts at that moment.

All keys of one flow carry its name as their hash tag, so that a Cluster keeps them together. ``head`` is a hash: what
is live, pending and a draft, and by which entry of the log. ``log`` is a hash too: ``N`` what entry N says, and beside
it the parts of it that scripts compare or change (``N:state``, ``N:author``…); ``v:VERSION`` is the entry by which a
version went live last.

An answer is a list: ``ok`` and the entry's number, or a refusal and what it is about.
"""

from __future__ import annotations

MAX_ENTRIES = 1000  # of one flow's log: years of it

# KEYS: head, log, ... ARGV[1]: the format that the caller writes.
_PRELUDE = (
    """
local head, log = KEYS[1], KEYS[2]
local function of(field) return redis.call('HGET', head, field) or '' end
local format = of('format')
if format ~= '' and format ~= ARGV[1] then return {'newer', format} end
local live = of('live')
local function trim(n)
  n = tostring(n)
  if n == of('live_n') or n == of('pending_n') or n == of('draft_n') then return end
  local version = redis.call('HGET', log, n .. ':version')
  if not version then return end
  if redis.call('HGET', log, 'v:' .. version) == n then redis.call('HDEL', log, 'v:' .. version) end
  redis.call('HDEL', log, n, n..':version', n..':author', n..':state', n..':parent', n..':approval')
end
local function enter(version, author, parent, state, data)
  local n = redis.call('HINCRBY', head, 'seq', 1)
  redis.call('HSET', log, n, data, n .. ':version', version, n .. ':author', author)
  redis.call('HSET', log, n .. ':parent', parent, n .. ':state', state)
  trim(n - """
    + str(MAX_ENTRIES)
    + """)
  return n
end
local function leave(place, state)
  local n = of(place .. '_n')
  if n ~= '' then redis.call('HSET', log, n .. ':state', state) end
  redis.call('HDEL', head, place, place .. '_n')
end
local function take(place, version, n)
  redis.call('HSET', head, place, version, place .. '_n', n)
end
local function go_live(version, n, before)
  leave('live', before)
  take('live', version, n)
  redis.call('HSET', log, n .. ':state', 'live', 'v:' .. version, n)
end
local function done(n)
  redis.call('HSET', head, 'format', ARGV[1])
  redis.call('HINCRBY', head, 'generation', 1)
  return {'ok', tostring(n)}
end
"""
)

# KEYS: head, log, bundles. ARGV: format, version, bundle, author, parent, data, 1 when somebody else must approve.
PROPOSE = (
    _PRELUDE
    + """
local version, parent = ARGV[2], ARGV[5]
if live == version then return {'already', live} end
if live ~= parent then return {'overtaken', live} end
leave('pending', 'void')
if of('draft') == version then leave('draft', 'proposed') end
redis.call('HSET', KEYS[3], version, ARGV[3])
local n = enter(version, ARGV[4], parent, 'pending', ARGV[6])
if ARGV[7] == '1' then take('pending', version, n) else go_live(version, n, 'superseded') end
return done(n)
"""
)

# KEYS: head, log, bundles. ARGV: format, version, bundle, author, data.
DRAFT = (
    _PRELUDE
    + """
redis.call('HSET', KEYS[3], ARGV[2], ARGV[3])
leave('draft', 'void')
local n = enter(ARGV[2], ARGV[4], live, 'draft', ARGV[5])
take('draft', ARGV[2], n)
return done(n)
"""
)

# KEYS: head, log, bundles. ARGV: format, version, approver, approval.
APPROVE = (
    _PRELUDE
    + """
local version = ARGV[2]
if of('pending') ~= version then return {'not_pending', of('pending')} end
local n = of('pending_n')
local author, parent = redis.call('HGET', log, n .. ':author'), redis.call('HGET', log, n .. ':parent')
if author == ARGV[3] then return {'own', author} end
if live ~= parent then return {'overtaken', live, parent} end
if redis.call('HEXISTS', KEYS[3], version) == 0 then return {'unknown', version} end
redis.call('HDEL', head, 'pending', 'pending_n')
redis.call('HSET', log, n .. ':approval', ARGV[4])
go_live(version, n, 'superseded')
return done(n)
"""
)

# KEYS: head, log. ARGV: format, version, approval.
WITHDRAW = (
    _PRELUDE
    + """
if of('pending') ~= ARGV[2] then return {'not_pending', of('pending')} end
local n = of('pending_n')
redis.call('HSET', log, n .. ':approval', ARGV[3])
leave('pending', 'withdrawn')
return done(n)
"""
)

# KEYS: head, log, bundles. ARGV: format, version, expected live, author, parent, data.
ROLLBACK = (
    _PRELUDE
    + """
local version = ARGV[2]
if live ~= ARGV[3] then return {'overtaken', live} end
if live == version then return {'already', live} end
if redis.call('HEXISTS', KEYS[3], version) == 0 then return {'unknown', version} end
if redis.call('HEXISTS', log, 'v:' .. version) == 0 then return {'unknown', version} end
leave('pending', 'void')
local n = enter(version, ARGV[4], ARGV[5], 'live', ARGV[6])
go_live(version, n, 'rolled_back')
return done(n)
"""
)

# KEYS: head, log, notices. ARGV: format, notice, data.
NOTICE = (
    _PRELUDE
    + """
redis.call('HSET', KEYS[3], ARGV[2], ARGV[3])
return done(0)
"""
)

# KEYS: head, log, bundles. ARGV: format, version...
SWEEP = (
    _PRELUDE
    + """
local gone = 0
for i = 2, #ARGV do
  local version = ARGV[i]
  if version ~= live and version ~= of('pending') and version ~= of('draft') then
    gone = gone + redis.call('HDEL', KEYS[3], version)
  end
end
return {'ok', tostring(gone)}
"""
)
