/**
 * Lets jobs of a group go on, the most urgent and oldest first. Each leaves BullMQ's delayed set and goes in front of all jobs of its
 * class that wait in the queue, since it was taken up before they were; among themselves jobs keep the order of their enqueueing.
 * Only so many of one class stand in front at once: whoever is let go and has to wait for a free router may as well wait in its group.
 *
 * An id in a group scores priority × 2⁴² + milliseconds of enqueueing; a job let go scores (priority − 1) × 2³² + milliseconds ÷ 1024,
 * which is less than any score that BullMQ gives to its class.
 *
 * KEYS[1]  groups: what each waits for
 * KEYS[2]  the group's ids
 * KEYS[3]  the group's hold
 * KEYS[4]  BullMQ's delayed jobs
 * KEYS[5]  BullMQ's prioritized jobs
 * KEYS[6]  BullMQ's waiting jobs, those without a priority
 * KEYS[7]  BullMQ's marker, on which workers sleep
 * KEYS[8]  BullMQ's events
 * ARGV[1]  group
 * ARGV[2]  how many may go
 * ARGV[3]  how many of one class may stand in front
 * ARGV[4]  what job keys begin with; they are made here, as BullMQ makes them, and lie on the node of the others
 * Returns {how many went, how many are left}.
 */
export const RELEASE_PARKED = `
local call = redis.call
local CLASS, FRONT, LOOKS = 4398046511104, 4294967296, 1000
local most, room = tonumber(ARGV[2]), tonumber(ARGV[3])
if call('EXISTS', KEYS[3]) == 1 then return {0, call('ZCARD', KEYS[2])} end

local places = {}
local function hasPlace(priority)
  if priority == 0 then return true end
  if not places[priority] then
    local front = (priority - 1) * FRONT
    places[priority] = room - call('ZCOUNT', KEYS[5], front, string.format('(%.17g', front + FRONT))
  end
  if places[priority] <= 0 then return false end
  places[priority] = places[priority] - 1
  return true
end

local released, looked, from, skipped, plain = 0, 0, '-inf', 0, {}
while released < most and looked < LOOKS do
  local ids = call('ZRANGEBYSCORE', KEYS[2], from, '+inf', 'WITHSCORES', 'LIMIT', skipped, math.min(most - released, 100))
  if #ids == 0 then break end
  for i = 1, #ids, 2 do
    local id, score = ids[i], tonumber(ids[i + 1])
    local priority = math.floor(score / CLASS)
    looked = looked + 1
    if not call('ZSCORE', KEYS[4], id) then
      -- On its way into the delayed set, or at its last chance before its deadline: its lock says so. All others have ended.
      if call('EXISTS', ARGV[4] .. id .. ':lock') == 1 then skipped = skipped + 1 else call('ZREM', KEYS[2], id) end
    elseif not hasPlace(priority) then
      from, skipped = string.format('%.17g', (priority + 1) * CLASS), 0
      break
    else
      call('ZREM', KEYS[2], id)
      call('ZREM', KEYS[4], id)
      if priority == 0 then
        table.insert(plain, 1, id)
      else
        call('ZADD', KEYS[5], string.format('%.17g', (priority - 1) * FRONT + (score - priority * CLASS) / 1024), id)
      end
      call('HSET', ARGV[4] .. id, 'delay', 0)
      call('XADD', KEYS[8], '*', 'event', 'waiting', 'jobId', id, 'prev', 'delayed')
      released = released + 1
    end
  end
end
-- BullMQ takes from the right: the last one in is the first one out.
for _, id in ipairs(plain) do call('RPUSH', KEYS[6], id) end

local left = call('ZCARD', KEYS[2])
if left == 0 then call('HDEL', KEYS[1], ARGV[1]) end
if released > 0 then call('ZADD', KEYS[7], 0, '0') end
return {released, left}
`;
