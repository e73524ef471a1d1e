import { OWN_KEY } from '#libs/redis';

/**
 * Lets jobs of many groups go on, over all of them the most urgent and oldest first. Each leaves BullMQ's delayed set and goes in front
 * of all jobs of its class that wait in the queue, since it was taken up before they were; among themselves jobs keep the order of their
 * enqueueing. Only so many of one class stand in front at once: whoever is let go and has to wait for a free router may as well wait in
 * its group.
 *
 * An id in a group scores priority × 2⁴² + milliseconds of enqueueing; a job let go scores (priority − 1) × 2³² + milliseconds ÷ 1024,
 * which is less than any score that BullMQ gives to its class.
 *
 * KEYS[1]    groups: what each waits for
 * KEYS[2]    BullMQ's delayed jobs
 * KEYS[3]    BullMQ's prioritized jobs
 * KEYS[4]    BullMQ's waiting jobs, those without a priority
 * KEYS[5]    BullMQ's marker, on which workers sleep
 * KEYS[6]    BullMQ's events
 * KEYS[2i+5] ids of the i-th group
 * KEYS[2i+6] its hold
 * ARGV[1]    how many may go in all
 * ARGV[2]    how many of one class may stand in front
 * ARGV[3]    how many ids are looked at in all
 * ARGV[4]    what job keys begin with; they are made here, as BullMQ makes them, and lie on the node of the others
 * ARGV[2i+3] the i-th group
 * ARGV[2i+4] how many of it may go; 0: only look
 * Returns {1 when a job found no place in front, else 0;
 *          for each group: how many went, how many are left, the score of the first of these or '', milliseconds that its hold lasts;
 *          names of keys that were taken away because they held something else}.
 */
export const RELEASE_PARKED = `
${OWN_KEY}
local call = redis.call
local CLASS, FRONT = 4398046511104, 4294967296
local most, room, looks = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local isFull = 0
own(KEYS[1], 'hash')

local places = {}
local function placesFor(priority)
  if priority == 0 then return most end
  if not places[priority] then
    local front = (priority - 1) * FRONT
    places[priority] = room - call('ZCOUNT', KEYS[3], front, string.format('(%.17g', front + FRONT))
  end
  return places[priority]
end

-- Milliseconds that a hold lasts. One without an end was written by somebody else.
local function holdOf(key)
  local left = call('PTTL', key)
  if left == -1 then
    call('DEL', key)
    table.insert(mended, key)
  end
  return math.max(0, left)
end

local left = {}
local function takeOut(group, id)
  left[group] = left[group] - call('ZREM', group, id)
end

-- Those of a group that could go, and what each class has room for at most. Ids of jobs that have ended are dropped on the way.
local candidates = {}
local function gather(group, wanted)
  local found, from, skipped, ofClass = 0, '-inf', 0, {}
  while found < wanted and looks > 0 do
    local ids = call('ZRANGEBYSCORE', group, from, '+inf', 'WITHSCORES', 'LIMIT', skipped, math.min(wanted - found, looks))
    if #ids == 0 then return end
    for i = 1, #ids, 2 do
      local id, score = ids[i], tonumber(ids[i + 1])
      local priority = math.floor(score / CLASS)
      local before = ofClass[priority] or 0
      looks = looks - 1
      if before >= placesFor(priority) then
        isFull = 1
        from, skipped = string.format('%.17g', (priority + 1) * CLASS), 0
        break
      elseif not call('ZSCORE', KEYS[2], id) then
        -- On its way into the delayed set, or at its last chance before its deadline: its lock says so. All others have ended.
        if call('EXISTS', ARGV[4] .. id .. ':lock') == 1 then skipped = skipped + 1 else takeOut(group, id) end
      else
        table.insert(candidates, {id = id, score = score, priority = priority, group = group, n = #candidates})
        ofClass[priority] = before + 1
        found, skipped = found + 1, skipped + 1
      end
    end
  end
end

local released, plain = {}, {}
local function letGo(job)
  takeOut(job.group, job.id)
  call('ZREM', KEYS[2], job.id)
  if job.priority == 0 then
    table.insert(plain, 1, job.id)
  else
    places[job.priority] = places[job.priority] - 1
    call('ZADD', KEYS[3], string.format('%.17g', (job.priority - 1) * FRONT + (job.score - job.priority * CLASS) / 1024), job.id)
  end
  -- Neither may fail the script half way, whatever somebody has put there.
  redis.pcall('HSET', ARGV[4] .. job.id, 'delay', 0)
  redis.pcall('XADD', KEYS[6], '*', 'event', 'waiting', 'jobId', job.id, 'prev', 'delayed')
  released[job.group] = (released[job.group] or 0) + 1
end

local holds = {}
for i = 7, #KEYS, 2 do
  local count = redis.pcall('ZCARD', KEYS[i])
  -- Asking for the type of each would cost more.
  if type(count) == 'table' and own(KEYS[i], 'zset') then count = 0 end
  left[KEYS[i]] = count
  holds[i] = holdOf(KEYS[i + 1])
  if holds[i] == 0 then gather(KEYS[i], tonumber(ARGV[i - 1])) end
end
table.sort(candidates, function(a, b) return a.score < b.score or a.score == b.score and a.n < b.n end)
local count = 0
for _, job in ipairs(candidates) do
  if count == most then break end
  if job.priority ~= 0 and places[job.priority] <= 0 then
    isFull = 1
  else
    letGo(job)
    count = count + 1
  end
end
-- BullMQ takes from the right: the last one in is the first one out.
for _, id in ipairs(plain) do call('RPUSH', KEYS[4], id) end
if count > 0 then call('ZADD', KEYS[5], 0, '0') end

local answer = {isFull}
for i = 7, #KEYS, 2 do
  local first = ''
  if left[KEYS[i]] > 0 then
    first = call('ZRANGE', KEYS[i], 0, 0, 'WITHSCORES')[2]
  else
    call('HDEL', KEYS[1], ARGV[i - 2])
  end
  table.insert(answer, released[KEYS[i]] or 0)
  table.insert(answer, left[KEYS[i]])
  table.insert(answer, first)
  table.insert(answer, holds[i])
end
table.insert(answer, mended)
return answer
`;
