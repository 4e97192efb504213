"""The scripts that keep sessions in Redis: each is one step that happens whole or not at all.

``KEYS[1]`` is the hash of a session, ``KEYS[2]`` the stream of its latest frames. Neither need be
what was left there: either may be gone, older, or of another type. A script that finds less than it
needs changes nothing and says so.

``KEYS[3]`` is the key by which a life of the server's data is known, see ``LIFE``.

A writer has a fence, a number that only rises: each opening takes one above the last, and no less
than the server's own clock, so that a server that lost everything goes on above it too.
"""

from typing import Final

_WHOLE: Final = """
local function whole()  -- options, owner and next, if there is a session
  local found = redis.pcall('HMGET', KEYS[1], 'options', 'owner', 'next')
  if not found.err and found[1] and found[2] and tonumber(found[3]) then return found end
end
"""
_STANDING: Final = """
local function standing(fence, next)  -- how the record is to a writer who has come so far
  local found = redis.pcall('HMGET', KEYS[1], 'token', 'next')
  if found.err or not found[1] then return 'behind' end
  if found[1] == fence then
    return found[2] == next and 'there' or 'behind', found[2]
  end
  local other = tonumber(found[1])  -- closed sessions have none
  return other and other < tonumber(fence) and 'behind' or 'fenced'
end
"""
_OF_TYPE: Final = """
local function of_type(key, kind)  -- the key is of this type or gone from here on
  local found = redis.call('TYPE', key).ok
  if found ~= kind and found ~= 'none' then redis.call('DEL', key) end
end
"""

_LIVES: Final = """
local function lives(life)  -- the data is in this life still; in any, if none is named
  if life == '' then return true end
  local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
  return string.sub(life, 1, #run) == run and redis.pcall('GET', KEYS[3]) == life
end
"""

OPEN: Final = (
    _WHOLE
    + _OF_TYPE
    + _LIVES
    + """
local options, owner, expiry_ms, life = unpack(ARGV)
if not lives(life) then return {'ended'} end
local found, last = whole(), redis.pcall('HGET', KEYS[1], 'token')
if not found then
  if options == '' then return {'absent'} end
  if redis.call('EXISTS', KEYS[1], KEYS[2]) > 0 then redis.call('DEL', KEYS[1], KEYS[2]) end
  redis.call('HSET', KEYS[1], 'options', options, 'owner', owner, 'next', 0)
  found = {options, owner, '0'}
elseif found[2] ~= owner then
  return {'foreign'}
elseif options ~= '' and options ~= found[1] then
  return {'other', found[3], found[1]}
end
of_type(KEYS[2], 'stream')
local time = redis.call('TIME')
local latest = type(last) == 'string' and tonumber(last) or 0
local fence = string.format('%.0f', math.max(time[1] * 1000000 + time[2], latest + 1))
redis.call('HSET', KEYS[1], 'token', fence)
redis.call('PEXPIRE', KEYS[1], expiry_ms)
redis.call('PEXPIRE', KEYS[2], expiry_ms)
return {'open', found[3], found[1], fence}
"""
)
"""Take a session over, or make it; a refused opening changes nothing."""

LOOK: Final = (
    _WHOLE
    + _LIVES
    + """
if not lives(ARGV[2]) then return {'ended'} end
local found = whole()
if not found then return {'absent'} end
if found[2] ~= ARGV[1] then return {'foreign'} end
local has_frames = redis.call('TYPE', KEYS[2]).ok == 'stream'
return {'open', has_frames and found[3] or '0', found[1]}
"""
)

APPEND: Final = (
    _STANDING
    + """
local fence, after, next, id, frame, expiry_ms, kept = unpack(ARGV)
local state, is_at = standing(fence, after)
if is_at == next then return {'there'} end  -- appended before, and the answer lost
if state ~= 'there' then return {state} end
local trim = {'MAXLEN', '~', kept, id, 'f', frame}
local added
if after == '0' then
  added = redis.pcall('XADD', KEYS[2], unpack(trim))
else  -- never to a stream that has lost the frames before
  added = redis.pcall('XADD', KEYS[2], 'NOMKSTREAM', unpack(trim))
end
if type(added) ~= 'string' then return {'behind'} end
redis.call('HSET', KEYS[1], 'next', next)
redis.call('PEXPIRE', KEYS[1], expiry_ms)
redis.call('PEXPIRE', KEYS[2], expiry_ms)
return {'there'}
"""
)

STANDING: Final = (
    _STANDING
    + """
local fence, next = unpack(ARGV)
local state = standing(fence, next)
local has_frames = next == '0' or redis.call('TYPE', KEYS[2]).ok == 'stream'
return {state == 'there' and not has_frames and 'behind' or state}
"""
)

REPLACE: Final = (
    _STANDING
    + _OF_TYPE
    + """
local fence, next, options, owner, expiry_ms = unpack(ARGV, 1, 5)
if standing(fence, next) == 'fenced' then return {'fenced'} end
of_type(KEYS[1], 'hash')
-- First what a server without memory refuses, so that it then has deleted nothing.
redis.call('HSET', KEYS[1], 'token', fence, 'next', next, 'options', options, 'owner', owner)
redis.call('DEL', KEYS[2])
for i = 6, #ARGV, 2 do
  redis.call('XADD', KEYS[2], ARGV[i], 'f', ARGV[i + 1])
end
redis.call('PEXPIRE', KEYS[1], expiry_ms)
redis.call('PEXPIRE', KEYS[2], expiry_ms)
return {'there'}
"""
)

CLOSE: Final = (
    _STANDING
    + """
if standing(ARGV[1], '') == 'fenced' then return {'fenced'} end
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('HSET', KEYS[1], 'token', '')
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {'there'}
"""
)
"""Forget a session; for a while its former writers are kept from writing it once more."""

LIFE: Final = """
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local mark = redis.pcall('GET', KEYS[1])
local of, since = string.match(type(mark) == 'string' and mark or '', '^(%w+) (%d+)$')
if of ~= run or tonumber(since) > now then
  since = string.format('%.0f', now)
  redis.call('SET', KEYS[1], run .. ' ' .. since)
end
return {run .. ' ' .. since, now - since}
"""
"""Which life of the server's data this is, and for how many milliseconds it has been known.

Another one begins when another process has the data, restarted or promoted, or all of it is gone:
then what was written last may be missing.
"""
