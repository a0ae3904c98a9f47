"""Parts of long texts: they wait in the store until the last one comes, whichever node it comes to.

Parts belong together by operator, source, destination, reference, its width, and total. What is not whole in time is
given up, and its sender can be told. A part that takes the place of another one begins a new text: phones use a
reference again. No sender can push out another's parts: beyond a bound, new long texts are refused, and the message
centre brings them again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from core_client.adapters.sealing import Sealer
from sms.smpp import Message
from sms.text.segmentation import Part

EXPIRY_S = 300.0  # parts of one text come within seconds; operators give up after minutes
MAX_OPEN_TEXTS = 10_000  # long texts whose parts are still coming
MAX_OPEN_PER_NUMBER = 20  # of one sender: a phone sends one at a time
SWEEP_S = 5.0  # between two looks for what is too old
MAX_SWEPT = 100  # long texts given up in one look; the rest follows in the next

OnMissing = Callable[[str, str, str, int, int], None]
"""Hears source, destination, operator, how many parts came, and how many there should have been."""

# What is held of an unfinished text: a hash of its parts by number (print and sealed body), their total ("of"), and
# the print of its sender ("by"). Two sorted sets know when each is given up: one of all, one of its sender's.
_GIVE_UP = """
-- Give up an unfinished text; answers how many parts there were, of how many, and one of them.
local function give_up(wholes, numbers, open, whole)
  local flat = redis.call('HGETALL', wholes .. whole)
  local have, total, by, one = 0, '0', '', ''
  for i = 1, #flat, 2 do
    if flat[i] == 'of' then total = flat[i + 1]
    elseif flat[i] == 'by' then by = flat[i + 1]
    else have = have + 1; one = flat[i + 1] end
  end
  redis.call('DEL', wholes .. whole)
  redis.call('ZREM', open, whole)
  redis.call('ZREM', numbers .. by, whole)
  return {have, tonumber(total), one}
end
"""

# Changes of one kind. KEYS: stream, open. ARGV: copies, wholes, numbers (what their keys begin with), window ms, texts
# that the stream may hold, expiry ms, open texts, those of one sender; then of each part: print, sealed body, whole,
# sender, number, total, when its text is given up in ms.
# Answers of each: 0 a copy | 1 too much | {0, 0, given up} more is missing | {id, fields, given up} whole.
ACCEPT_PART = (
    _GIVE_UP
    + """
local stream, open = KEYS[1], KEYS[2]
local copies, wholes, numbers, window = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local room = tonumber(ARGV[5]) - redis.call('XLEN', stream)
local expiry, most, most_each = ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[8])
local said = {}
for i = 9, #ARGV, 7 do
  local print_, sealed, whole, by = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local number, total, until_ms = ARGV[i + 4], ARGV[i + 5], ARGV[i + 6]
  local key, mine = wholes .. whole, numbers .. by
  local held = redis.call('HGET', key, number)
  local new = not held and redis.call('EXISTS', key) == 0
  if room <= 0 or (new and (redis.call('ZCARD', open) >= most or redis.call('ZCARD', mine) >= most_each)) then
    said[#said + 1] = 1
  elseif not redis.call('SET', copies .. print_, '1', 'NX', 'PX', window) then
    said[#said + 1] = 0
  else
    local given_up = 0
    if held and string.sub(held, 1, 32) ~= print_ then
      given_up = give_up(wholes, numbers, open, whole)
      new = true
    end
    if new then
      redis.call('HSET', key, 'of', total, 'by', by)
      redis.call('ZADD', open, until_ms, whole)
      redis.call('ZADD', mine, until_ms, whole)
      redis.call('PEXPIRE', mine, expiry * 4)
    end
    redis.call('HSET', key, number, print_ .. sealed)
    if redis.call('HLEN', key) < tonumber(total) + 2 then
      said[#said + 1] = {0, 0, given_up}
    else
      local fields = {}
      for part = 1, tonumber(total) do
        local one = redis.call('HGET', key, tostring(part))
        fields[#fields + 1] = string.sub(one, 1, 32)
        fields[#fields + 1] = string.sub(one, 33)
      end
      redis.call('DEL', key)
      redis.call('ZREM', open, whole)
      redis.call('ZREM', mine, whole)
      room = room - 1
      said[#said + 1] = {redis.call('XADD', stream, '*', unpack(fields)), fields, given_up}
    end
  end
end
return said
"""
)

# KEYS: open. ARGV: wholes, numbers, now in ms, how many at most. Answers what was given up.
SWEEP = (
    _GIVE_UP
    + """
local said = {}
for _, whole in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[3], 'LIMIT', 0, ARGV[4])) do
  said[#said + 1] = give_up(ARGV[1], ARGV[2], KEYS[1], whole)
end
return said
"""
)


class Belongs(NamedTuple):
    """To which text a part belongs, and to whom that belongs: prints, in hex."""

    whole: str
    sender: str


def belongs(message: Message, part: Part, operator: str, sealer: Sealer) -> Belongs:
    """Answer where ``part`` belongs."""
    sender = f"{operator}\0{message.source.digits}"
    whole = f"{sender}\0{message.destination.digits}\0{part.reference}\0{part.width}\0{part.total}"
    return Belongs(
        sealer.fingerprint(whole.encode("utf-8"), b"parts").hex(),
        sealer.fingerprint(sender.encode("utf-8"), b"opening").hex(),
    )
