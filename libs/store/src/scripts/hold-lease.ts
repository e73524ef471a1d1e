/** Takes the lease when it is free, renews it when it is ours; every change of owner raises the epoch. */
export const HOLD_LEASE = `
-- KEYS  1 lease  2 epoch counter
-- ARGV  1 owner id  2 length of the lease in ms
-- Returns {held 1|0, epoch, owner}
local owner = redis.call('GET', KEYS[1])
if owner == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
elseif not owner then
  owner = ARGV[1]
  redis.call('SET', KEYS[1], owner, 'PX', ARGV[2])
  redis.call('INCR', KEYS[2])
end
return { owner == ARGV[1] and 1 or 0, tonumber(redis.call('GET', KEYS[2]) or '0'), owner }
`;

/** Frees the lease, so that a standby need not wait for its end. */
export const RELEASE_LEASE = `
-- KEYS  1 lease
-- ARGV  1 owner id
-- Returns 1 if it was ours, else 0
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`;
