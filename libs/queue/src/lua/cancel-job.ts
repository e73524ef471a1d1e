/**
 * Gives a job the result that it was cancelled, unless it has one, and tells everybody: whoever waits for it, and the routers.
 *
 * KEYS[1]  result key
 * KEYS[2]  hash of the job
 * KEYS[3]  BullMQ's zset of failed jobs
 * KEYS[4]  BullMQ's zset of completed jobs
 * KEYS[5]  zset of cancelled jobs
 * KEYS[6]  how long the routers keep results, in milliseconds, where they have announced it
 * ARGV[1]  result, with a token that no other commit has
 * ARGV[2]  how long it is kept where they have not, in milliseconds
 * ARGV[3]  job id
 * ARGV[4]  channel of the process that waits, or ''
 * ARGV[5]  channel of the routers
 * ARGV[6]  how long the zset remembers the job, in milliseconds
 * Returns 'cancelled', 'finished' when the job has come to an end before, 'unknown' when there is no such job.
 */
export const CANCEL_JOB = `
local standing = redis.call('GET', KEYS[1])
if standing then return standing == ARGV[1] and 'cancelled' or 'finished' end
if redis.call('EXISTS', KEYS[2]) == 0 then return 'unknown' end
if redis.call('ZSCORE', KEYS[3], ARGV[3]) or redis.call('ZSCORE', KEYS[4], ARGV[3]) then return 'finished' end
local announced = string.match(redis.call('GET', KEYS[6]) or '', '^[1-9]%d*$')
redis.call('SET', KEYS[1], ARGV[1], 'PX', announced or ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[5], now, ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[5], '-inf', now - ARGV[6])
redis.call('PEXPIRE', KEYS[5], ARGV[6])
if ARGV[4] ~= '' then redis.call('PUBLISH', ARGV[4], ARGV[3]) end
redis.call('PUBLISH', ARGV[5], ARGV[3])
return 'cancelled'
`;
