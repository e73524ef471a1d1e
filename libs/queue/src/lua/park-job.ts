import { OWN_KEY } from '#libs/redis';

/**
 * Puts a job's id into its group. The job itself goes to BullMQ's delayed set right after this; until then its lock tells that it is
 * on its way.
 *
 * KEYS[1]  groups: what each waits for
 * KEYS[2]  the group's ids
 * KEYS[3]  the group's hold
 * ARGV[1]  group
 * ARGV[2]  what it waits for
 * ARGV[3]  job id
 * ARGV[4]  score: the place of the job in its group
 * ARGV[5]  for how long no other job of the group is let go, in milliseconds; 0: no hold
 * Returns {1 when this is the group's first job, else 0; names of keys that were taken away because they held something else}.
 */
export const PARK_JOB = `
${OWN_KEY}
own(KEYS[1], 'hash')
own(KEYS[2], 'zset')
redis.call('ZADD', KEYS[2], ARGV[4], ARGV[3])
if ARGV[5] ~= '0' then redis.call('SET', KEYS[3], '1', 'PX', ARGV[5]) end
return {redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]), mended}
`;

/**
 * Takes one job's id out of its group, and the group away when it was the last.
 *
 * KEYS[1]  groups: what each waits for
 * KEYS[2]  the group's ids
 * ARGV[1]  group
 * ARGV[2]  job id
 * Returns names of keys that were taken away because they held something else.
 */
export const LEAVE_GROUP = `
${OWN_KEY}
own(KEYS[1], 'hash')
own(KEYS[2], 'zset')
redis.call('ZREM', KEYS[2], ARGV[2])
if redis.call('EXISTS', KEYS[2]) == 0 then redis.call('HDEL', KEYS[1], ARGV[1]) end
return mended
`;

/**
 * Writes groups down again that are not listed any more although they have jobs: somebody has removed the list, or written over it.
 *
 * KEYS[1]    groups: what each waits for
 * KEYS[i+1]  ids of the i-th group
 * ARGV[2i-1] the i-th group
 * ARGV[2i]   what it waits for
 * Returns {names of those that have jobs; names of keys that were taken away because they held something else}.
 */
export const RESTORE_GROUPS = `
${OWN_KEY}
own(KEYS[1], 'hash')
local kept = {}
for i = 1, #KEYS - 1 do
  if redis.call('EXISTS', KEYS[i + 1]) == 1 then
    redis.call('HSETNX', KEYS[1], ARGV[2 * i - 1], ARGV[2 * i])
    table.insert(kept, ARGV[2 * i - 1])
  end
end
return {kept, mended}
`;

/**
 * Drops ids from a group whose jobs do not wait any more: cancelled, or ended in another way that told nobody. A few at a time.
 *
 * KEYS[1]  groups: what each waits for
 * KEYS[2]  the group's ids
 * KEYS[3]  BullMQ's delayed jobs
 * ARGV[1]  group
 * ARGV[2]  rank of the first id to look at
 * ARGV[3]  how many to look at
 * ARGV[4]  what job keys begin with; they are made here, as BullMQ makes them, and lie on the node of the others
 * Returns {the rank to go on at, 0 at the end of the group; names of keys that were taken away because they held something else}.
 */
export const SWEEP_GROUP = `
${OWN_KEY}
own(KEYS[1], 'hash')
own(KEYS[2], 'zset')
local first, many = tonumber(ARGV[2]), tonumber(ARGV[3])
local ids = redis.call('ZRANGE', KEYS[2], first, first + many - 1)
local kept = 0
for _, id in ipairs(ids) do
  if redis.call('ZSCORE', KEYS[3], id) or redis.call('EXISTS', ARGV[4] .. id .. ':lock') == 1 then
    kept = kept + 1
  else
    redis.call('ZREM', KEYS[2], id)
  end
end
if redis.call('EXISTS', KEYS[2]) == 0 then redis.call('HDEL', KEYS[1], ARGV[1]) end
return {#ids < many and 0 or first + kept, mended}
`;
