import { OWN_KEY } from '#libs/redis';

/**
 * First of three parts of one transaction: claim, add, release. Lets only those jobs be added that are not there yet and not answered
 * yet, and none at all when one of them has the idempotency key of another request. It does so by holding their places: BullMQ does not
 * add a job whose hash exists. What fails here does not keep the other parts from being run: all places are held then.
 *
 * KEYS[1]       failed jobs
 * KEYS[2]       jobs that were cancelled lately
 * KEYS[4i-1]    fingerprint of the i-th job
 * KEYS[4i]      its result
 * KEYS[4i+1]    its hash
 * KEYS[4i+2]    its chunks
 * ARGV[3i-2]    id of the i-th job
 * ARGV[3i-1]    its fingerprint, or '' where nobody else can have its id
 * ARGV[3i]      how long the fingerprint is kept, in milliseconds
 * Returns {n, …}: n is the first job whose key stands for another request, or 0; then for each job 1 when it is new, 0 when it is known.
 */
export const CLAIM_JOBS = `
${OWN_KEY}
local count = (#KEYS - 2) / 4
local answer, fresh = {0}, {}
local function hold(job)
  if redis.call('EXISTS', job) == 0 then redis.call('HSET', job, 'understudy:held', 1) end
end

local function claim()
  own(KEYS[2], 'zset')
  for i = 1, count do
    own(KEYS[4 * i - 1], 'string')
    local known = ARGV[3 * i - 1] ~= '' and redis.call('GET', KEYS[4 * i - 1])
    if not known then table.insert(fresh, KEYS[4 * i - 1]) end
    if known and known ~= ARGV[3 * i - 1] then
      answer[1] = i
      break
    end
  end
  for i = 1, count do
    local job = KEYS[4 * i + 1]
    local answered = redis.call('EXISTS', KEYS[4 * i]) == 1
    local isNew = 0
    if answer[1] == 0 then
      local ttl = tonumber(ARGV[3 * i])
      if ARGV[3 * i - 1] ~= '' and redis.call('PTTL', KEYS[4 * i - 1]) < ttl then
        redis.call('SET', KEYS[4 * i - 1], ARGV[3 * i - 1], 'PX', ttl)
      end
      -- It failed or was cancelled so long ago that its result is gone: it may be tried anew.
      if not answered and redis.call('ZREM', KEYS[1], ARGV[3 * i - 2]) == 1 then redis.call('DEL', job) end
      if not answered and redis.call('EXISTS', job) == 0 then
        isNew = 1
        redis.call('ZREM', KEYS[2], ARGV[3 * i - 2])
        redis.call('DEL', KEYS[4 * i + 2])
      end
    end
    if isNew == 0 then hold(job) end
    answer[i + 1] = isNew
  end
end

local isDone, problem = pcall(claim)
if isDone then return answer end
for i = 1, count do hold(KEYS[4 * i + 1]) end
for _, fingerprint in ipairs(fresh) do redis.call('DEL', fingerprint) end
return redis.error_reply(type(problem) == 'table' and problem.err or tostring(problem))
`;

/**
 * Last of the three parts: lets go of the places that were held.
 *
 * KEYS  hashes of the jobs
 * Returns how many places were held.
 */
export const RELEASE_JOBS = `
local held = 0
for _, job in ipairs(KEYS) do
  -- What is no hash was not held, and must not keep the others from being let go.
  if redis.pcall('HEXISTS', job, 'understudy:held') == 1 then held = held + redis.call('DEL', job) end
end
return held
`;
