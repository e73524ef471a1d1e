import { parseArgs } from 'node:util';
import { numberOption } from '../system/number-option.js';

/** What to replay, and how. */
export interface ReplayOptions {
  arrivalsFile: string;
  /** 2 replays an hour in half an hour. */
  speed: number;
  /** Rows from this time on are left out; seconds of the recording. */
  limitSeconds: number | undefined;
  kill: { provider: string; fromSeconds: number; toSeconds: number } | undefined;
  /** Model that every job asks for. */
  model: string;
  /** Jobs under way at most; more wait, and the report says so. */
  maxInFlight: number;
  /** Where to write the figures as JSON. */
  jsonFile: string | undefined;
}

/** An argument or an input file is wrong; the message names it and the fix. */
export class ReplayInputError extends Error {
  override readonly name = 'ReplayInputError';
  readonly code = 'replay_input';
}

const USAGE = `npm run replay -- --arrivals FILE [options]
  --arrivals FILE       CSV with the columns offset_ms,context_tokens,generated_tokens
  --speed N             how many times faster than recorded (default 1)
  --limit-seconds S     only the first S seconds of the recording
  --kill PROVIDER --kill-from S --kill-to S
                        that provider of the simulator is down between these seconds of the recording
  --model NAME          model to ask for (default gpt-4)
  --max-in-flight N     jobs under way at most (default 500)
  --json FILE           write the figures there too`;

/** @throws ReplayInputError that names the argument and the fix */
export function readOptions(args: readonly string[]): ReplayOptions {
  const values = parse(args);
  if (!values.arrivals) throw new ReplayInputError(`--arrivals is missing; name the CSV file to replay\n${USAGE}`);
  return {
    arrivalsFile: values.arrivals,
    speed: numberOf('speed', values.speed, 0.001) ?? 1,
    limitSeconds: numberOf('limit-seconds', values['limit-seconds'], 0.001),
    kill: killOf(values),
    model: values.model ?? 'gpt-4',
    maxInFlight: Math.ceil(numberOf('max-in-flight', values['max-in-flight'], 1) ?? 500),
    jsonFile: values.json,
  };
}

type Values = ReturnType<typeof parse>;

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        arrivals: text,
        speed: text,
        'limit-seconds': text,
        kill: text,
        'kill-from': text,
        'kill-to': text,
        model: text,
        'max-in-flight': text,
        json: text,
      },
    }).values;
  } catch (error) {
    throw new ReplayInputError(`${(error as Error).message}\n${USAGE}`);
  }
}

function killOf(values: Values): ReplayOptions['kill'] {
  const { kill: provider, 'kill-from': from, 'kill-to': to } = values;
  if (provider === undefined && from === undefined && to === undefined) return undefined;
  if (provider === undefined || from === undefined || to === undefined)
    throw new ReplayInputError('--kill, --kill-from and --kill-to belong together; give all three or none');
  const fromSeconds = numberOf('kill-from', from, 0) ?? 0;
  const toSeconds = numberOf('kill-to', to, 0) ?? 0;
  if (toSeconds <= fromSeconds) throw new ReplayInputError(`--kill-to ${to} must be later than --kill-from ${from}`);
  return { provider, fromSeconds, toSeconds };
}

const numberOf = (name: string, text: string | undefined, min: number) =>
  numberOption(name, text, { min }, ReplayInputError);
