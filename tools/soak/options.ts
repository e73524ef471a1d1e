import { parseArgs } from 'node:util';
import { numberOption } from '../system/number-option.js';

/** How hard and how long to try. */
export interface SoakOptions {
  jobs: number;
  /** Jobs per second that are handed in. */
  rate: number;
  routers: number;
  aggregators: number;
  /** Mean pause between two blows, in milliseconds. */
  chaosEveryMs: number;
  /** Another seed gives other victims and other pauses. */
  seed: number;
  /** How long an answer is of use; what comes later is late. In milliseconds. */
  deadlineMs: number;
  /** Where to write the figures as JSON. */
  jsonFile: string | undefined;
}

/** An argument is wrong; the message names it and the fix. */
export class SoakInputError extends Error {
  override readonly name = 'SoakInputError';
  readonly code = 'soak_input';
}

const USAGE = `npm run test:soak -- [options]
  --jobs N              jobs in all (default 10000)
  --rate N              jobs handed in per second (default 60)
  --routers N           router processes (default 3)
  --aggregators N       aggregator processes (default 2)
  --chaos-every S       mean seconds between two blows (default 5)
  --deadline-seconds S  how long an answer is of use (default 120)
  --seed N              another seed gives other victims (default 1)
  --json FILE           write the figures there too`;

/** @throws SoakInputError that names the argument and the fix */
export function readOptions(args: readonly string[]): SoakOptions {
  const values = parse(args);
  return {
    jobs: numberOf('jobs', values.jobs, 1, 1_000_000, 10_000),
    rate: numberOf('rate', values.rate, 1, 5_000, 60),
    routers: numberOf('routers', values.routers, 1, 16, 3),
    aggregators: numberOf('aggregators', values.aggregators, 1, 8, 2),
    chaosEveryMs: numberOf('chaos-every', values['chaos-every'], 0.5, 3_600, 5) * 1_000,
    deadlineMs: numberOf('deadline-seconds', values['deadline-seconds'], 20, 86_400, 120) * 1_000,
    seed: Math.floor(numberOf('seed', values.seed, 0, 2 ** 31, 1)),
    jsonFile: values.json,
  };
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        jobs: text,
        rate: text,
        routers: text,
        aggregators: text,
        'chaos-every': text,
        'deadline-seconds': text,
        seed: text,
        json: text,
      },
    }).values;
  } catch (error) {
    throw new SoakInputError(`${(error as Error).message}\n${USAGE}`);
  }
}

const numberOf = (name: string, text: string | undefined, min: number, max: number, fallback: number) =>
  numberOption(name, text, { min, max }, SoakInputError) ?? fallback;
