/**
 * Stores a job's result unless it has one or another run of the job has begun since, and publishes the job's id.
 *
 * KEYS[1]  result key
 * KEYS[2]  hash of the job; its field `ats` counts the runs that have begun
 * ARGV[1]  result, with a token that no other commit has
 * ARGV[2]  how long it is kept, in milliseconds
 * ARGV[3]  job id
 * ARGV[4]  channel of the process that waits, or ''
 * ARGV[5]  number of the run that commits, or '' for a writer that is no run
 * Returns 'committed' when this result stands, 'duplicate' when another one was there, 'superseded' when a later run has the job.
 */
export const COMMIT_RESULT = `
local standing = redis.call('GET', KEYS[1])
if standing and standing ~= ARGV[1] then return 'duplicate' end
if not standing then
  local latest = ARGV[5] ~= '' and redis.call('HGET', KEYS[2], 'ats')
  if latest and (tonumber(latest) or 0) > tonumber(ARGV[5]) then return 'superseded' end
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
if ARGV[4] ~= '' then redis.call('PUBLISH', ARGV[4], ARGV[3]) end
return 'committed'
`;
