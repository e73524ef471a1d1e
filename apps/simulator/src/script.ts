import { parse } from 'yaml';
import { z } from 'zod';
import { faultActionSchema } from './faults/fault-action.js';
import { latencySchema } from './latency.js';
import { formatProblems, listProblems, type Problem } from './problem.js';
import { DEFAULT_LATENCY, providerNameSchema, providerSchema } from './provider-registry.js';

/** What a simulator plays: its providers, and what happens to them when. */
const scriptSchema = z
  .strictObject({
    /** Equal seeds give equal latencies, failures and answers. */
    seed: z.int().min(0).default(1),
    /** Latency of every provider and model that sets none. */
    latency: latencySchema.default(DEFAULT_LATENCY),
    /** Answer any provider name and any model as if it were configured. */
    autoProviders: z.boolean().default(false),
    providers: z.record(providerNameSchema, providerSchema).default({}),
    timeline: z.array(faultActionSchema).default([]),
    /** When the timeline starts: with the simulator, or on `POST /admin/timeline/start`. */
    startTimeline: z.enum(['boot', 'manual']).default('boot'),
  })
  .superRefine((script, context) => {
    if (script.autoProviders) return;
    for (const [index, { provider, model }] of script.timeline.entries()) {
      const known = Object.hasOwn(script.providers, provider) ? script.providers[provider] : undefined;
      if (known === undefined) {
        const names = Object.keys(script.providers).join(', ') || 'none';
        context.addIssue({
          code: 'custom',
          path: ['timeline', index, 'provider'],
          message: `no provider '${provider}'; there are: ${names}`,
        });
      } else if (model !== undefined && known.models !== undefined && !Object.hasOwn(known.models, model)) {
        const names = Object.keys(known.models).join(', ') || 'none';
        context.addIssue({
          code: 'custom',
          path: ['timeline', index, 'model'],
          message: `'${provider}' has no model '${model}'; it has: ${names}`,
        });
      }
    }
  });

/** A script with all defaults filled in. */
export type Script = z.infer<typeof scriptSchema>;

/** A script as it is written. */
export type ScriptInput = z.input<typeof scriptSchema>;

/** A script that cannot be played; the message lists every problem under its path. */
export class ScriptError extends Error {
  override readonly name = 'ScriptError';
  readonly code = 'SIMULATOR_SCRIPT_INVALID';

  constructor(
    source: string,
    readonly problems: readonly Problem[],
  ) {
    super(`${source} is not a valid simulator script:\n${formatProblems(problems)}`);
  }
}

/** Checks a script. Throws ScriptError. */
export function checkScript(script: unknown, source = 'the script'): Script {
  const checked = scriptSchema.safeParse(script);
  if (!checked.success) throw new ScriptError(source, listProblems(checked.error, 'script'));
  return checked.data;
}

/** Reads and checks a script in YAML (or JSON). Throws ScriptError. */
export function parseScript(yaml: string, source: string): Script {
  let content: unknown;
  try {
    content = parse(yaml);
  } catch (error) {
    const [firstLine = 'unreadable'] = (error as Error).message.split('\n');
    throw new ScriptError(source, [{ field: 'yaml', message: firstLine }]);
  }
  return checkScript(content ?? {}, source);
}
