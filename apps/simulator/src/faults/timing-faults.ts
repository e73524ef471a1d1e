import { z } from 'zod';
import { HEAD, splitReply, type Piece, type Reply } from '../reply.js';
import { MAX_TIMER_MS } from './fault-span.js';
import { trueReply, type FaultResponders } from './fault-responder.js';
import { dripBytes, dripWithHead } from './slow-drip.js';

const delayMs = z.number().min(0).max(MAX_TIMER_MS);
const rate = z.number().min(0.001).max(1_000_000);

/** The fields of `slow`, which can also be set in one word (fault-action.ts). */
export const slowFields = { factor: z.number().min(0).max(10_000).default(1), addMs: delayMs.default(0) };

/** Slowing by nothing is a mistake of the caller, not a fault. */
export const slowsDown = (fault: { factor: number; addMs: number }): boolean => fault.factor !== 1 || fault.addMs > 0;
export const slowsDownProblem = { path: ['factor'], error: 'give factor, addMs or both' };

/** Faults of time: the right answer late, slowly, never, or without an end. */
export const timingFaults = [
  /** Right answers, late: drawn latency and token time × factor, plus addMs. */
  z.strictObject({ kind: z.literal('slow'), ...slowFields }).refine(slowsDown, slowsDownProblem),
  /** A stream opens as ever, its first token comes `ms` later; an answer in one piece comes `ms` later. */
  z.strictObject({ kind: z.literal('slow-first-token'), ms: delayMs }),
  /**
   * Silence after the headers or, with `afterChunks`, after that many tokens (half a body if it is no stream): for
   * `forMs`, then the rest; without forMs for ever.
   */
  z.strictObject({
    kind: z.literal('stall'),
    afterChunks: z.int().min(0).optional(),
    forMs: delayMs.optional(),
  }),
  /** Signs of life every `intervalMs` and never an answer: comments or pings in a stream, blank lines in a body. */
  z.strictObject({
    kind: z.literal('keep-alive-only'),
    intervalMs: z.number().min(1).max(MAX_TIMER_MS).default(1_000),
  }),
  /**
   * The right answer at `tokensPerSecond` (a stream), or its body at `bytesPerSecond`; with `headers` the status line
   * and the headers come byte by byte too.
   */
  z
    .strictObject({
      kind: z.literal('slow-drip'),
      tokensPerSecond: rate.optional(),
      bytesPerSecond: rate.optional(),
      headers: z.boolean().default(false),
    })
    .refine((fault) => (fault.tokensPerSecond === undefined) !== (fault.bytesPerSecond === undefined), {
      path: ['bytesPerSecond'],
      error: 'give either tokensPerSecond or bytesPerSecond',
    })
    .refine((fault) => !fault.headers || fault.bytesPerSecond !== undefined, {
      path: ['headers'],
      error: 'needs bytesPerSecond',
    }),
  /** The whole answer, and then the response never ends. */
  z.strictObject({ kind: z.literal('unavailable-after-finish') }),
] as const;

type TimingFault = z.infer<(typeof timingFaults)[number]>;

/** What each of them does. */
export const timingResponders: FaultResponders<TimingFault> = {
  slow: (fault) => () => ({ factor: fault.factor, addMs: fault.addMs }),

  'slow-first-token': (fault) => (call) => {
    const reply = trueReply(call);
    const at = reply.pieces.findIndex(({ kind }) => kind !== 'opening');
    return { ...reply, pieces: pauseBefore(reply.pieces, at, fault.ms) };
  },

  stall: (fault) => (call) => {
    const reply = trueReply(call);
    const [before, after] = fault.afterChunks === undefined ? [[], reply.pieces] : splitReply(reply, fault.afterChunks);
    if (fault.forMs === undefined) return { ...reply, pieces: [HEAD, ...before], ending: 'open' };
    return { ...reply, pieces: [HEAD, ...before, ...pauseBefore(after, 0, fault.forMs)] };
  },

  'keep-alive-only': (fault) => (call) => {
    const { 'content-length': _, ...headers } = trueReply(call).headers;
    const data = call.request.stream ? call.wire.keepAlive : '\n';
    return {
      status: 200,
      headers,
      pieces: repeat({ kind: 'noise', data }, fault.intervalMs),
      ending: 'open',
      late: true,
    };
  },

  'slow-drip': (fault) => (call) => {
    const reply = trueReply(call);
    if (fault.bytesPerSecond !== undefined) {
      return (fault.headers ? dripWithHead : dripBytes)(reply, 1_000 / fault.bytesPerSecond);
    }
    const tokenMs = 1_000 / (fault.tokensPerSecond ?? 1);
    return { ...reply, pieces: reply.pieces.map((piece) => ({ ...piece, pauseMs: (piece.tokens ?? 0) * tokenMs })) };
  },

  'unavailable-after-finish':
    () =>
    (call): Reply => {
      const { headers, ...reply } = trueReply(call);
      const { 'content-length': _, ...unbounded } = headers as Record<string, string>;
      return { ...reply, headers: unbounded, ending: 'linger' };
    },
};

function pauseBefore(pieces: readonly Piece[], at: number, pauseMs: number): Piece[] {
  return pieces.map((piece, index) => (index === at ? { ...piece, pauseMs } : piece));
}

function* repeat(piece: Piece, pauseMs: number): Generator<Piece, never> {
  yield HEAD;
  for (;;) yield { ...piece, pauseMs };
}
