/**
 * Gives a failed job a new life, short of taking it out of the failed ones: BullMQ's own script does that next. Whoever dies in
 * between leaves a failed job that can be replayed again.
 *
 * KEYS[1]  BullMQ's zset of failed jobs
 * KEYS[2]  hash of the job
 * KEYS[3]  result key
 * KEYS[4]  stream of the job's chunks
 * KEYS[5]  fingerprint of the job
 * ARGV[1]  job id
 * ARGV[2]  progress to go on from, JSON
 * ARGV[3]  fingerprint of its request, or '' for a job without an idempotency key
 * ARGV[4]  how long the fingerprint is kept, in milliseconds
 * Returns 1, or 0 when the job is not among the failed ones.
 */
export const BEGIN_REPLAY = `
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- The deadline counts from here. The runs (ats) go on counting: a late commit of the earlier life is refused by their number.
redis.call('HSET', KEYS[2], 'timestamp', string.format('%.0f', now), 'progress', ARGV[2])
redis.call('HDEL', KEYS[2], 'stc')
redis.call('DEL', KEYS[3], KEYS[4])
-- Its key stands for this request again, for as long as the job or its result may be there.
if ARGV[3] ~= '' then redis.call('SET', KEYS[5], ARGV[3], 'PX', ARGV[4]) end
return 1
`;

/**
 * Forgets a failed job. Its result stays until its own time is over.
 *
 * KEYS[1]  BullMQ's zset of failed jobs
 * KEYS[2]  hash of the job
 * KEYS[3]  log lines of the job
 * ARGV[1]  job id
 * Returns 1, or 0 when the job is not among the failed ones.
 */
export const PURGE_LETTER = `
if redis.call('ZREM', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('DEL', KEYS[2], KEYS[3])
return 1
`;
