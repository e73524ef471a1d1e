/**
 * Stores a job's result unless it has one, and publishes the job's id.
 *
 * KEYS[1]  result key
 * ARGV[1]  result, with a token that no other commit has
 * ARGV[2]  how long it is kept, in milliseconds
 * ARGV[3]  job id
 * ARGV[4]  channel of the process that waits, or ''
 * Returns 1 when this result stands, 0 when another one was there.
 */
export const COMMIT_RESULT = `
local written = redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2])
if not written and redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[4] ~= '' then redis.call('PUBLISH', ARGV[4], ARGV[3]) end
return 1
`;
