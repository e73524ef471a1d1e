/**
 * Writes all that follows from one step of the leader, or nothing. The snapshot has no TTL: a router that starts while no
 * aggregator lives still finds the last one; how old it is stands inside.
 */
export const PUBLISH_SNAPSHOT = `
-- KEYS  1 epoch counter  2 snapshot meta  3 snapshot  4 health state  5... one health hash per target
-- ARGV  1 epoch  2 version  3 snapshot  4 state  5 channel  6... per health hash: JSON list field, value, ... ([] deletes it)
-- Returns 1, or 0 if the epoch is not the newest handed out or the version does not grow
local epoch, version = tonumber(ARGV[1]), tonumber(ARGV[2])
if epoch ~= tonumber(redis.call('GET', KEYS[1]) or '0') then return 0 end
local last = redis.call('HMGET', KEYS[2], 'epoch', 'version')
if epoch == tonumber(last[1] or '0') and version <= tonumber(last[2] or '0') then return 0 end
redis.call('HSET', KEYS[2], 'epoch', epoch, 'version', version)
redis.call('SET', KEYS[3], ARGV[3])
redis.call('SET', KEYS[4], ARGV[4])
for i = 5, #KEYS do
  local fields = cjson.decode(ARGV[i + 1])
  redis.call('DEL', KEYS[i])
  if #fields > 0 then redis.call('HSET', KEYS[i], unpack(fields)) end
end
redis.call('PUBLISH', ARGV[5], ARGV[3])
return 1
`;
