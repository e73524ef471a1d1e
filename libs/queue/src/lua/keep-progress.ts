/**
 * Keeps progress with a job, as long as the run that keeps it is the job's latest.
 *
 * KEYS[1]  hash of the job
 * ARGV[1]  progress, JSON
 * ARGV[2]  number of the run
 * Returns 1, or 0 when a later run has begun or the job is gone.
 */
export const KEEP_PROGRESS = `
if redis.call('HGET', KEYS[1], 'ats') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'progress', ARGV[1])
return 1
`;
