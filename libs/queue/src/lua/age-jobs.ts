/**
 * Moves jobs that have waited for too long forward among more urgent ones, the oldest first: one behind every four, counting those that
 * were moved before. So aged jobs get a fifth of the work at most, and a new urgent job has no more than one of them in front of it for
 * every four jobs that would go first anyway, and one besides.
 *
 * Where fewer than four jobs of a class wait and nobody aged before them, one aged job goes behind them: otherwise new ones, which come
 * in behind it, could pass it for ever.
 *
 * BullMQ's scores are whole numbers, and those of released jobs have halves down to 1/1024: an odd multiple of 1/2048 is an aged job's.
 * A job whose number is none of ours ages with the class below which it stands.
 *
 * KEYS[1]  who moves jobs at present
 * KEYS[2]  BullMQ's prioritized jobs
 * ARGV[1]  the shortest time between two moves, in milliseconds
 * ARGV[2]  for how long a job may wait, in milliseconds
 * ARGV[3]  how many jobs at the front are looked at
 * ARGV[4]  what job keys begin with; they are made here, as BullMQ makes them, and lie on the node of the others
 * ARGV[5…] the numbers of the classes, the most urgent first
 * Returns {how many were moved, how many jobs wait}; {0, -1} when somebody else did it just now.
 */
export const AGE_JOBS = `
local call = redis.call
local EVERY, FRONT, STEP = 4, 4294967296, 1 / 2048
if not call('SET', KEYS[1], '1', 'NX', 'PX', ARGV[1]) then return {0, -1} end
local waiting = call('ZCARD', KEYS[2])
if waiting < 2 then return {0, waiting} end

local time = call('TIME')
local overdue = time[1] * 1000 + time[2] / 1000 - tonumber(ARGV[2])
local looks = tonumber(ARGV[3])

-- When a job became due, if that is long ago: a job that was to be started later has not waited until then.
local function overdueSince(id)
  local told = call('HMGET', ARGV[4] .. id, 'timestamp', 'opts')
  local added = tonumber(told[1])
  if not added or added > overdue then return nil end
  local isRead, opts = pcall(cjson.decode, told[2] or '{}')
  local due = added + (isRead and type(opts) == 'table' and tonumber(opts.delay) or 0)
  return due <= overdue and due or nil
end

-- The front of each class but the first is where its oldest jobs are.
local aged, lowest = {}, 0
for i = 6, #ARGV do
  local from = (tonumber(ARGV[i - 1]) + 1) * FRONT
  local to = i < #ARGV and string.format('(%.17g', (tonumber(ARGV[i]) + 1) * FRONT) or '+inf'
  local ids = call('ZRANGEBYSCORE', KEYS[2], string.format('%.17g', from), to, 'LIMIT', 0, math.ceil(looks / EVERY))
  for _, id in ipairs(ids) do
    local due = overdueSince(id)
    if due then
      table.insert(aged, {id = id, due = due, place = #aged, from = from})
      lowest = from
    end
  end
end
if #aged == 0 then return {0, waiting} end
table.sort(aged, function(a, b) return a.due < b.due or a.due == b.due and a.place < b.place end)

local moved, count = {}, 0
local function oldestBehind(score)
  for _, job in ipairs(aged) do
    if not moved[job.id] and job.from > score then return job end
  end
end
local function isAged(score) return score and score * 2048 % 2 == 1 end
local function classOf(score)
  for i = 5, #ARGV do
    if score and score < (tonumber(ARGV[i]) + 1) * FRONT then return i end
  end
end

local front = call('ZRANGE', KEYS[2], 0, looks - 1, 'WITHSCORES')
local passed, hasAged = 0, false
for i = 1, #front, 2 do
  local score, following = tonumber(front[i + 1]), tonumber(front[i + 3])
  if score >= lowest then break end
  if moved[front[i]] then
    -- It stands further in front by now.
  elseif isAged(score) then
    passed, hasAged = 0, true
  else
    passed = passed + 1
    local job = oldestBehind(score)
    local isLastOfClass = classOf(following) ~= classOf(score)
    if job and not isAged(following) and (passed >= EVERY or isLastOfClass and not hasAged) then
      call('ZADD', KEYS[2], string.format('%.17g', score + STEP), job.id)
      moved[job.id] = true
      passed, hasAged, count = 0, true, count + 1
    end
  end
end
return {count, waiting}
`;
