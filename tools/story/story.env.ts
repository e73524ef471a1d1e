import { configEnv, parseEnv, redisEnv } from '#libs/config';
import { z } from 'zod';

/** @throws ConfigError that lists every wrong variable */
export function readStoryEnv() {
  return parseEnv({
    ...redisEnv,
    ...configEnv,
    /** Where providers can be killed and revived; without it nothing is staged. */
    SIMULATOR_URL: z.url().optional(),
    /** `1`: keep showing the targets after the summary, and with a simulator keep sending jobs, until the process is ended. */
    STORY_STAYS: z.enum(['0', '1']).default('0'),
    /** `1`: colours and frames. */
    STORY_INTERACTIVE: z.enum(['0', '1']).default('0'),
  });
}
