import type { CompletionJob, EmbeddingsJob, JobOutcome } from '#libs/contracts';
import { simulatorAdmin, type SimulatedFault, uniquePrefix } from '#libs/testing';
import { type RunningRouter, startRouter } from './router.fixture.js';

/** Wire format and way of delivery of the target that misbehaves; every guarantee has to hold in all of them. */
export interface Wire {
  kind: 'openai-compatible' | 'anthropic';
  streaming: boolean;
}

/** Every wire format, streamed and in one piece. */
export const WIRES: Wire[] = [
  { kind: 'openai-compatible', streaming: true },
  { kind: 'openai-compatible', streaming: false },
  { kind: 'anthropic', streaming: true },
  { kind: 'anthropic', streaming: false },
];
export const STREAMS = WIRES.filter(({ streaming }) => streaming);

export interface PairOptions {
  wire?: Wire;
  /** Pause before each token of the first target, so that there is time to read along. Default: none. */
  perTokenMs?: number;
  /** Of the first target, when it is not the simulator. */
  baseUrl?: string;
  /** More YAML fields of the target that misbehaves. */
  first?: string;
  /** More YAML fields of the healthy one; null: there is none. */
  second?: string | null;
  /** More YAML at the top level of the configuration. */
  more?: string;
}

/** A router with one target that is always asked first and misbehaves on command, and a healthy one behind it. */
export type Pair = Awaited<ReturnType<typeof startPair>>;

/** Where Redis and the simulator are; specs have it in their environment. */
export interface Urls {
  redisUrl: string;
  simulatorUrl: string;
}

export async function startPair({ redisUrl, simulatorUrl }: Urls, options: PairOptions = {}) {
  const admin = simulatorAdmin(simulatorUrl);
  const { wire = WIRES[0]!, baseUrl, perTokenMs = 0, first = '', second = '', more = '' } = options;
  const run = uniquePrefix().replace(/\W/g, '');
  const [sick, well] = [`sick-${run}`, `well-${run}`];
  await admin.createProvider(sick, { models: { m1: {} }, latency: { kind: 'fixed', ms: 1, perTokenMs } });
  await admin.createProvider(well, { models: { m2: {} }, latency: { kind: 'fixed', ms: 1 } });
  const router: RunningRouter = await startRouter(
    redisUrl,
    `
providers:
  ${sick}: { kind: ${wire.kind}, baseUrl: '${baseUrl ?? `${admin.url}/${sick}/v1`}' }
  ${well}: { kind: openai-compatible, baseUrl: '${admin.url}/${well}/v1' }
targets:
  - { id: one, provider: ${sick}, model: m1, streaming: ${wire.streaming}, ${first} }
${second === null ? '' : `  - { id: two, provider: ${well}, model: m2, ${second} }`}
${more}
`,
  );
  const callsTo = async (provider: string) => (await admin.calls({ provider })).calls.toSorted((a, b) => a.at - b.at);
  return {
    router,
    /** Makes the first target misbehave. */
    fault: (fault: SimulatedFault, span: { forRequests?: number; onRequests?: [number, number] } = {}) =>
      admin.addFault({ provider: sick, fault, ...span }),
    faultOfSecond: (fault: SimulatedFault) => admin.addFault({ provider: well, fault }),
    revive: () => admin.revive(sick),
    reviveSecond: () => admin.revive(well),
    run: (job: Partial<CompletionJob> | EmbeddingsJob = {}, timeoutMs?: number): Promise<JobOutcome> =>
      router.run({ request: REQUEST, ...job }, timeoutMs),
    callsToFirst: () => callsTo(sick),
    callsToSecond: () => callsTo(well),
    /** Outcomes of the calls to the first target as they count for its health. */
    countedForFirst: async () =>
      (await router.observations()).filter(({ target }) => target === 'one').map(({ outcome }) => outcome),
    async stop(): Promise<void> {
      await router.stop();
      await Promise.all([admin.removeProvider(sick), admin.removeProvider(well)]);
    },
  };
}

const REQUEST: CompletionJob['request'] = { model: 'm1', messages: [{ role: 'user', content: 'hello' }] };

/** Target and outcome of every attempt. */
export const attemptsOf = (outcome: JobOutcome): [target: string, outcome: string][] =>
  allAttempts(outcome).map((attempt) => [attempt.target, attempt.outcome]);

export const allAttempts = (outcome: JobOutcome) =>
  outcome.status === 'completed' ? outcome.result.understudy.attempts : outcome.error.attempts;

/** Milliseconds from the end of each attempt to the beginning of the next, as the router recorded them. */
export function pausesOf(outcome: JobOutcome): number[] {
  const attempts = allAttempts(outcome);
  return attempts.slice(1).map(({ startedAt }, i) => startedAt - attempts[i]!.startedAt - attempts[i]!.latencyMs);
}

/** The text of an answer. */
export function textOf(outcome: JobOutcome): string {
  if (outcome.status === 'failed') throw new Error(`no answer: ${outcome.error.message}`);
  const [choice] = outcome.result.choices as { message?: { content?: string } }[];
  return choice?.message?.content ?? '';
}
