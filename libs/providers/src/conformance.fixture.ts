import { type SimulatedFault, simulatorAdmin } from '#libs/testing';
import { randomUUID } from 'node:crypto';
import { describe, expect, onTestFinished, test } from 'vitest';
import { AttemptAbort } from './attempt-abort.js';
import type { CallLimits } from './call-limits.js';
import type { ChatCall, ProviderAdapter } from './provider-adapter.js';

/** What an adapter makes of it: a failed call, or a whole answer. */
type Expected = Record<string, unknown> | 'answered';

/** What is said of one fault when a stream was asked for, and when an answer in one piece was. */
interface ConformanceCase {
  fault: SimulatedFault;
  stream: Expected;
  whole: Expected;
}

/** That no call meets, however busy the machine is, but for the one that a fault is to run into. */
const LIMITS: CallLimits = { connectMs: 15_000, firstTokenMs: 15_000, idleMs: 15_000, totalMs: 15_000 };
const SHORT: Record<string, Partial<CallLimits>> = {
  first_token: { firstTokenMs: 400 },
  idle: { idleMs: 400 },
  total: { totalMs: 900 },
};
const TOTAL = { failure: 'timeout', deadline: 'total' };
const FIRST_TOKEN = { failure: 'timeout', deadline: 'first_token' };
const IDLE = { failure: 'timeout', deadline: 'idle' };
const BROKEN = { failure: 'stream_broken' };
const BAD = { failure: 'bad_response' };
const CONNECTION = { failure: 'connection' };

const both = (fault: SimulatedFault, expected: Expected): ConformanceCase => ({
  fault,
  stream: expected,
  whole: expected,
});
const refused = (status: number, failure: string) => both({ kind: 'status', status }, { failure, httpStatus: status });

/** One entry per way to fail; the same for every wire format. */
const CASES: readonly ConformanceCase[] = [
  refused(400, 'bad_request'),
  refused(401, 'auth'),
  refused(402, 'quota'),
  refused(403, 'auth'),
  refused(404, 'model_gone'),
  refused(408, 'timeout'),
  refused(413, 'too_large'),
  refused(429, 'rate_limited'),
  refused(500, 'server_error'),
  refused(502, 'server_error'),
  refused(503, 'overloaded'),
  refused(504, 'timeout'),
  refused(529, 'overloaded'),
  both({ kind: 'rate-limit', retryAfterSeconds: 2 }, { failure: 'rate_limited', retryAfterMs: 2_000 }),
  both({ kind: 'status', status: 502, body: '<html>Bad Gateway</html>' }, { failure: 'server_error' }),
  both({ kind: 'status', status: 400, body: '' }, BAD),
  both({ kind: 'error-in-200', status: 503 }, { failure: 'overloaded', httpStatus: 200 }),
  both({ kind: 'error-in-200', status: 401 }, { failure: 'auth', httpStatus: 200 }),

  { fault: { kind: 'down', mode: 'hang' }, stream: FIRST_TOKEN, whole: TOTAL },
  both({ kind: 'down', mode: 'reset' }, CONNECTION),
  both({ kind: 'reset', at: 'after-headers' }, CONNECTION),
  { fault: { kind: 'reset', at: 'mid-body' }, stream: BROKEN, whole: CONNECTION },

  { fault: { kind: 'stall' }, stream: FIRST_TOKEN, whole: TOTAL },
  { fault: { kind: 'stall', afterChunks: 2 }, stream: IDLE, whole: TOTAL },
  { fault: { kind: 'slow-first-token', ms: 2_000 }, stream: FIRST_TOKEN, whole: TOTAL },
  { fault: { kind: 'keep-alive-only', intervalMs: 20 }, stream: FIRST_TOKEN, whole: TOTAL },
  { fault: { kind: 'slow-drip', bytesPerSecond: 20, headers: true }, stream: FIRST_TOKEN, whole: TOTAL },
  { fault: { kind: 'slow-drip', tokensPerSecond: 1 }, stream: FIRST_TOKEN, whole: TOTAL },
  both({ kind: 'unavailable-after-finish' }, 'answered'),

  { fault: { kind: 'cut', afterChunks: 2 }, stream: BROKEN, whole: CONNECTION },
  { fault: { kind: 'cut', afterChunks: 2, abrupt: true }, stream: BROKEN, whole: CONNECTION },
  { fault: { kind: 'cut', afterChunks: 0 }, stream: BAD, whole: CONNECTION },
  { fault: { kind: 'no-done' }, stream: 'answered', whole: 'answered' },
  { fault: { kind: 'no-done', finish: false }, stream: BROKEN, whole: 'answered' },
  both({ kind: 'malformed-event', event: 1 }, BAD),
  { fault: { kind: 'error-event', event: 8, status: 503 }, stream: BROKEN, whole: { failure: 'overloaded' } },
  both({ kind: 'garbage' }, BAD),

  both({ kind: 'html' }, BAD),
  both({ kind: 'empty-body' }, BAD),
  both({ kind: 'null-body' }, BAD),
  { fault: { kind: 'invalid-utf8' }, stream: BAD, whole: BAD },
  both({ kind: 'empty-choices' }, BAD),
  both({ kind: 'no-choices' }, BAD),
  both({ kind: 'empty-content' }, BAD),
  both({ kind: 'role-only' }, BAD),
  both({ kind: 'served-model', model: 'another' }, 'answered'),
  both({ kind: 'no-usage' }, 'answered'),
];

/** Cases that only end with the huge answer's limit: they need more than the usual time. */
const HUGE = { fault: { kind: 'huge' as const, megabytes: 100 }, stream: BROKEN, whole: BAD };

export interface ConformanceOptions {
  /** Where the simulator is: `process.env.SIMULATOR_URL`. */
  simulatorUrl: string | undefined;
  /** An adapter for a provider of the simulator. `simulatorUrl` ends without a slash. */
  adapterFor: (simulatorUrl: string, provider: string) => ProviderAdapter;
  /** Whether the wire has an end marker without which a stream is not whole. Default: no. */
  needsEndMarker?: boolean;
}

/** What every adapter makes of every fault, over real sockets against the simulator. */
export function describeConformance(
  name: string,
  { simulatorUrl = '', adapterFor, needsEndMarker = false }: ConformanceOptions,
): void {
  const simulator = simulatorAdmin(simulatorUrl);

  async function call(
    fault: SimulatedFault | undefined,
    more: Partial<ChatCall>,
    meanwhile: (provider: string) => Promise<void> = () => Promise.resolve(),
  ) {
    const provider = `conformance-${randomUUID()}`;
    await simulator.createProvider(provider, { latency: { kind: 'fixed', ms: 0 } });
    if (fault) await simulator.addFault({ provider, fault });
    const adapter = adapterFor(simulator.url, provider);
    onTestFinished(() => adapter.close());
    const messages = [{ role: 'user', content: 'Tell me a story of twelve words or more, please' }];
    const [outcome] = await Promise.all([
      adapter.chat({
        model: 'm',
        body: { model: 'm', messages, max_tokens: 50 },
        limits: LIMITS,
        stream: true,
        ...more,
      }),
      meanwhile(provider),
    ]);
    return { outcome, provider };
  }

  describe(`the ${name} adapter`, () => {
    for (const stream of [true, false]) {
      const mode = stream ? 'streamed' : 'in one piece';

      test(`gives a whole answer, ${mode}`, async () => {
        const { outcome } = await call(undefined, { stream });
        expect(outcome).toMatchObject({
          ok: true,
          answer: { object: 'chat.completion', choices: [{ message: { content: expect.any(String) } }] },
          usage: { inputTokens: expect.any(Number), outputTokens: expect.any(Number) },
          firstTokenMs: stream ? expect.any(Number) : undefined,
        });
      });

      test.each(CASES.map((entry) => [JSON.stringify(entry.fault), entry] as const))(
        `knows %s, ${mode}`,
        async (_what, entry) => {
          const marker = needsEndMarker && stream && entry.fault.kind === 'no-done' ? BROKEN : undefined;
          const expected = marker ?? (stream ? entry.stream : entry.whole);
          const deadline = typeof expected === 'object' && 'deadline' in expected ? String(expected.deadline) : '';
          const { outcome, provider } = await call(entry.fault, { stream, limits: { ...LIMITS, ...SHORT[deadline] } });
          expect(outcome).toMatchObject(expected === 'answered' ? { ok: true } : { ok: false, ...expected });
          // Nobody but the router repeats a call.
          expect((await simulator.calls({ provider })).total).toBe(1);
          if (outcome.ok || outcome.deadline === undefined) return;
          await expect.poll(async () => (await simulator.calls({ provider })).calls).toMatchObject([{ aborted: true }]);
        },
      );

      test(`holds no more of an answer than 32 MB, ${mode}`, async () => {
        const { outcome } = await call(HUGE.fault, { stream });
        expect(outcome).toMatchObject({ ok: false, ...(stream ? HUGE.stream : HUGE.whole) });
        expect(outcome.ok ? '' : outcome.message).toContain('larger than');
      });

      test.each(['caller', 'shutdown'] as const)(`lets go when the %s ends the call, ${mode}`, async (kind) => {
        const controller = new AbortController();
        const called = call({ kind: 'down', mode: 'hang' }, { stream, signal: controller.signal }, async (name) => {
          await expect.poll(async () => (await simulator.calls({ provider: name })).total).toBe(1);
          controller.abort(new AttemptAbort(kind));
        });
        const { outcome, provider } = await called;
        expect(outcome).toMatchObject({ ok: false, failure: kind === 'caller' ? 'cancelled' : 'shutdown' });
        await expect.poll(async () => (await simulator.calls({ provider })).calls).toMatchObject([{ aborted: true }]);
      });
    }
  });
}
