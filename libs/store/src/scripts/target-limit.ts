import { OWN_KEY } from '#libs/redis';

/**
 * Anybody can write into a target's counts by hand, and what is no count would keep the target out for as long as it lies there. A key
 * of another type is taken away, and so is a field that is no time with a count: nothing was counted there. `mended` lists their keys.
 */
const OWN_COUNTS = `
${OWN_KEY}
local function mend(key)
  if mended[#mended] ~= key then table.insert(mended, key) end
end
-- Fifteen digits are counted without error, by Redis and here.
local function numberIn(text)
  return #text <= 15 and string.match(text, '^-?%d+$') and tonumber(text) or nil
end
`;

/** Takes a place under all limits of a target, or under none: what one limit refuses costs nothing under the others. */
export const TAKE_PLACE = `
-- KEYS  1 hash: calls by bucket of time  2 hash: tokens by bucket  3 zset: calls under way, by the time at which each is given up for lost
-- ARGV  1 calls per window  2 tokens per window  3 calls at once (0: no such limit)  4 tokens of this call  5 id of this call
--       6 lease in ms  7 window in ms  8 width of a bucket in ms  9 ms in which a call under way may be expected to end
-- Returns {granted 1|0, the limit that refuses, or leaves the least room: 0 none|1 calls|2 tokens|3 at once, ms until this call may find a place,
--          calls like this one that would find one now, ms until any call may find one, bucket of this call, keys that were mended}
${OWN_COUNTS}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local tokens, lease, window, width = tonumber(ARGV[4]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local bucket = math.floor(now / width)
-- One more than the window holds: the oldest counts until the last of its calls is out.
local kept = math.ceil(window / width) + 1
local MANY = 1000000
-- No call lasts for longer, in ms.
local LONGEST = 2592100000

local function look(key, limit)
  local seen = { limit = limit, used = 0, at = {} }
  if limit == 0 then return seen end
  own(key, 'hash')
  local fields = redis.call('HGETALL', key)
  for i = 1, #fields, 2 do
    local at, count = numberIn(fields[i]), numberIn(fields[i + 1])
    if not at or not count then
      redis.call('HDEL', key, fields[i])
      mend(key)
    elseif at <= bucket - kept then
      redis.call('HDEL', key, fields[i])
    else
      -- More was given back than is known of.
      if count < 0 then
        redis.call('HSET', key, fields[i], 0)
        count = 0
      end
      -- From before the clock of Redis was set back: as if it were of now.
      if at > bucket then
        redis.call('HDEL', key, fields[i])
        redis.call('HINCRBY', key, bucket, count)
        at = bucket
      end
      seen.used = seen.used + count
      seen.at[at] = (seen.at[at] or 0) + count
    end
  end
  return seen
end

local function add(key, seen, count)
  if seen.limit == 0 then return end
  redis.call('HINCRBY', key, bucket, count)
  redis.call('PEXPIRE', key, window + 2 * width)
  seen.used = seen.used + count
  seen.at[bucket] = (seen.at[bucket] or 0) + count
end

-- A call that needs more than the whole limit finds a place when nothing else is in the window.
local function waitFor(seen, count)
  if seen.limit == 0 then return 0 end
  local free, need = seen.limit - seen.used, math.min(count, seen.limit)
  if free >= need then return 0 end
  for at = bucket - kept + 1, bucket do
    free = free + (seen.at[at] or 0)
    if free >= need then return math.max(1, (at + kept) * width - now) end
  end
  return window
end

local function roomFor(seen, count)
  if seen.limit == 0 or count == 0 then return MANY end
  return math.max(0, math.floor((seen.limit - seen.used) / count))
end

local calls, read = look(KEYS[1], tonumber(ARGV[1])), look(KEYS[2], tonumber(ARGV[2]))
local most, busy = tonumber(ARGV[3]), 0
if most > 0 then
  own(KEYS[3], 'zset')
  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now)
  if redis.call('ZREMRANGEBYSCORE', KEYS[3], now + LONGEST, '+inf') > 0 then mend(KEYS[3]) end
  busy = redis.call('ZCARD', KEYS[3])
end
local function waitForEnd() return most > 0 and busy >= most and tonumber(ARGV[9]) or 0 end

-- The limit that holds a call up for longest, and for how long.
local function binding(count)
  local kind, wait = 0, 0
  for i, one in ipairs({ waitFor(calls, 1), waitFor(read, count), waitForEnd() }) do
    if one > wait then kind, wait = i, one end
  end
  return kind, wait
end

local kind, wait = binding(tokens)
if wait > 0 then
  local _, any = binding(math.min(1, tokens))
  return { 0, kind, wait, 0, any, bucket, mended }
end
add(KEYS[1], calls, 1)
add(KEYS[2], read, tokens)
if most > 0 then
  redis.call('ZADD', KEYS[3], now + lease, ARGV[5])
  if redis.call('PTTL', KEYS[3]) < lease then redis.call('PEXPIRE', KEYS[3], lease) end
  busy = busy + 1
end
local tightest, room = 0, MANY
for i, one in ipairs({ roomFor(calls, 1), roomFor(read, tokens), most > 0 and most - busy or MANY }) do
  if one < room then tightest, room = i, one end
end
local _, any = binding(math.min(1, tokens))
return { 1, tightest, 0, room, any, bucket, mended }
`;

/** The call has ended: its place is free, and what it really used counts instead of what it was thought to use. */
export const GIVE_PLACE_BACK = `
-- KEYS  1 hash: tokens by bucket of time  2 zset: calls under way
-- ARGV  1 id of the call  2 its bucket  3 tokens to add, negative to take off
-- Returns keys that were mended
${OWN_COUNTS}
own(KEYS[1], 'hash')
own(KEYS[2], 'zset')
redis.call('ZREM', KEYS[2], ARGV[1])
local counted = tonumber(ARGV[3]) ~= 0 and redis.call('HGET', KEYS[1], ARGV[2])
if counted and numberIn(counted) then
  redis.call('HINCRBY', KEYS[1], ARGV[2], ARGV[3])
elseif counted then
  redis.call('HDEL', KEYS[1], ARGV[2])
  mend(KEYS[1])
end
return mended
`;
