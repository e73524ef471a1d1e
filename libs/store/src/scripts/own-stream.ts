/**
 * Takes a key away that is to be a stream and is something else: somebody has written it by hand, and nothing could be added to it for as
 * long as it lies there.
 *
 * KEYS[1]  the stream
 * Returns 1 when there was such a thing, else 0.
 */
export const OWN_STREAM = `
local found = redis.call('TYPE', KEYS[1]).ok
if found == 'stream' or found == 'none' then return 0 end
redis.call('DEL', KEYS[1])
return 1
`;
