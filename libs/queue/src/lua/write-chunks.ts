/**
 * Adds to the stream of a job's answer, and tells its readers that there is more. Ids are `<epoch>-<number>`; the epoch grows with
 * every attempt of every run, so a router that has lost the job cannot write into the answer of another, and what is sent again
 * after a broken connection recognizes its first arrival.
 *
 * KEYS[1]  stream, and channel of its readers
 * ARGV[1]  kind: `restarted` when an attempt begins, `chunks`, or `end`
 * ARGV[2]  epoch of the attempt
 * ARGV[3]  number of the entry within the attempt, 0 for `restarted`
 * ARGV[4]  how long the stream is kept from now on, in milliseconds
 * ARGV[5…] fields and values of the entry
 * Returns 1 when the entry is there or is not needed, 0 when somebody else has gone on with the job.
 */
export const WRITE_CHUNKS = `
local key, kind, epoch, number = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local last = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
local last_epoch, last_number, last_kind = 0, 0, ''
if last then
  local e, n = string.match(last[1], '(%d+)-(%d+)')
  last_epoch, last_number, last_kind = tonumber(e), tonumber(n), last[2][2]
end

local id = ARGV[2] .. '-' .. ARGV[3]
if kind == 'end' then
  -- Who committed has the last word, whatever the epoch.
  if last_kind == 'end' then return 1 end
  id = last_epoch .. '-' .. (last_number + 1)
elseif kind == 'restarted' then
  -- The job was handed in again after its end.
  if last_kind == 'end' then redis.call('DEL', key) return 1 end
  if last_epoch > epoch then return 0 end
  -- Nothing has been said that would have to be taken back.
  if last_kind ~= 'chunks' or last_epoch == epoch then return 1 end
else
  if last_epoch > epoch or last_kind == 'end' then return 0 end
  if last_epoch == epoch and last_number >= number then return 1 end
end

redis.call('XADD', key, id, 'kind', kind, unpack(ARGV, 5))
if kind == 'restarted' then redis.call('XTRIM', key, 'MINID', id) end
redis.call('PEXPIRE', key, ARGV[4])
redis.call('PUBLISH', key, '')
return 1
`;
