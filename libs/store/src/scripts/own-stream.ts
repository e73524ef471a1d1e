import { OWN_KEY } from '#libs/redis';

/**
 * Takes a key away that is to be a stream and is something else: nothing could be added to it for as long as it lies there.
 *
 * KEYS[1]  the stream
 * Returns 1 when there was such a thing, else 0.
 */
export const OWN_STREAM = `
${OWN_KEY}
return own(KEYS[1], 'stream') and 1 or 0
`;
