import { parseArgs } from 'node:util';
import { numberOption } from '../system/number-option.js';
import { readIsoDate } from './iso-time.js';
import { OutagesInputError } from './outages-input-error.js';

/** The rules that can be compared; `oracle` knows the incidents and is the bound that nobody passes. */
export const POLICY_NAMES = ['adaptive', 'article', 'cooldown', 'ordered', 'oracle'] as const;
export type PolicyName = (typeof POLICY_NAMES)[number];

/** What to simulate, and where to write the results. */
export interface OutagesOptions {
  incidentsFile: string;
  arrivalsFile: string;
  policies: readonly PolicyName[];
  /** Adds a healthy but dearer provider, used when the others are not enough. */
  thirdProvider: boolean;
  /** Epoch milliseconds; undefined: a day before the first incident. */
  fromMs: number | undefined;
  /** Epoch milliseconds; undefined: a day after the last incident. */
  toMs: number | undefined;
  jobsPerHour: number;
  seed: number;
  /** How long a job may take, waiting included. */
  deadlineMs: number;
  jsonFile: string | undefined;
  svgFile: string | undefined;
}

const USAGE = `npm run replay:outages -- --incidents FILE --arrivals FILE [options]
  --incidents FILE      CSV with the columns provider,start,end,impact
  --arrivals FILE       CSV with the columns offset_ms,context_tokens,generated_tokens
  --policy NAME         ${POLICY_NAMES.join(' | ')} | all (default all)
  --third-provider      adds a healthy but dearer provider
  --from DATE --to DATE part of the time to simulate, such as 2023-11-08 or 2023-11-08T13:00:00Z
  --jobs-per-hour N     mean load (default 120); the recording is thinned or packed to give it
  --deadline-hours N    how long a job may take (default 24)
  --seed N              another seed gives other random draws (default 1)
  --json FILE           write the figures there too
  --svg FILE            write a timeline of incidents and traffic shares there`;

const HOUR_MS = 3_600_000;

/** @throws OutagesInputError that names the argument and the fix */
export function readOptions(args: readonly string[]): OutagesOptions {
  const values = parse(args);
  const { incidents, arrivals } = values;
  if (!incidents) throw new OutagesInputError(`--incidents is missing; name the CSV file of incidents\n${USAGE}`);
  if (!arrivals) throw new OutagesInputError(`--arrivals is missing; name the CSV file of arrivals\n${USAGE}`);
  const fromMs = dateOf('from', values.from);
  const toMs = dateOf('to', values.to);
  if (fromMs !== undefined && toMs !== undefined && toMs <= fromMs)
    throw new OutagesInputError(`--to ${values.to} must be later than --from ${values.from}`);
  return {
    incidentsFile: incidents,
    arrivalsFile: arrivals,
    policies: policiesOf(values.policy ?? 'all'),
    thirdProvider: values['third-provider'] ?? false,
    fromMs,
    toMs,
    jobsPerHour: numberOf('jobs-per-hour', values['jobs-per-hour'], { min: 0.1, max: 1_000_000 }) ?? 120,
    seed: Math.floor(numberOf('seed', values.seed, { min: 0, max: 2 ** 31 }) ?? 1),
    deadlineMs: (numberOf('deadline-hours', values['deadline-hours'], { min: 0.001, max: 24 * 365 }) ?? 24) * HOUR_MS,
    jsonFile: values.json,
    svgFile: values.svg,
  };
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        incidents: text,
        arrivals: text,
        policy: text,
        'third-provider': { type: 'boolean' },
        from: text,
        to: text,
        'jobs-per-hour': text,
        'deadline-hours': text,
        seed: text,
        json: text,
        svg: text,
      },
    }).values;
  } catch (error) {
    throw new OutagesInputError(`${(error as Error).message}\n${USAGE}`);
  }
}

function policiesOf(name: string): readonly PolicyName[] {
  if (name === 'all') return POLICY_NAMES;
  const known = POLICY_NAMES.find((policy) => policy === name);
  if (!known) throw new OutagesInputError(`--policy ${name}: give one of ${POLICY_NAMES.join(', ')}, or all`);
  return [known];
}

function dateOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = readIsoDate(text);
  if (ms === undefined)
    throw new OutagesInputError(`--${name} is "${text}"; give a date such as 2023-11-08 or 2023-11-08T13:00:00Z`);
  return ms;
}

const numberOf = (name: string, text: string | undefined, range: { min: number; max: number }) =>
  numberOption(name, text, range, OutagesInputError);
