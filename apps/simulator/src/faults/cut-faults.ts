import { z } from 'zod';
import { HEAD, SILENCE, splitReply, streamReply, bodyReply, type Piece, type Reply } from '../reply.js';
import { errorTextFields } from './error-faults.js';
import { trueReply, type FaultedCall, type FaultResponders } from './fault-responder.js';

const afterChunks = z.int().min(0).optional();
const errorStatus = z.int().min(400).max(599).default(500);

/** Faults that break an answer off, or end it with something else. */
export const cutFaults = [
  /** The connection is reset: before the headers, after them, or in the body (of a stream: after `afterChunks` tokens). */
  z.strictObject({
    kind: z.literal('reset'),
    at: z
      .enum(['before-headers', 'after-headers', 'mid-body'], 'must be one of: before-headers, after-headers, mid-body')
      .default('before-headers'),
    afterChunks,
  }),
  /**
   * A stream ends after `afterChunks` tokens (default: half of them), with the stop reason only if `finish` is true and
   * never with the end marker: as a complete response, or with `abrupt` by the end of the connection. A body ends in the
   * middle, by the end of the connection.
   */
  z.strictObject({
    kind: z.literal('cut'),
    afterChunks,
    finish: z.boolean().default(false),
    abrupt: z.boolean().default(false),
  }),
  /** All tokens of a stream but no end marker (`[DONE]`, `message_stop`), and with `finish: false` no stop reason either. */
  z.strictObject({ kind: z.literal('no-done'), finish: z.boolean().default(true) }),
  /** Broken JSON in the n-th event of a stream (1: the first), or in the body. */
  z.strictObject({ kind: z.literal('malformed-event'), event: z.int().min(1).default(1) }),
  /** An error as the n-th event of a stream, which then ends, or as the body of a 200. `status` tells which error. */
  z.strictObject({
    kind: z.literal('error-event'),
    event: z.int().min(1).default(1),
    status: errorStatus,
    ...errorTextFields,
  }),
  /** 200 with an error object as the body, or as the first event of a stream. */
  z.strictObject({ kind: z.literal('error-in-200'), status: errorStatus, ...errorTextFields }),
  /** 200 with a body that ends in the middle of the JSON, its length right. */
  z.strictObject({ kind: z.literal('garbage') }),
] as const;

type CutFault = z.infer<(typeof cutFaults)[number]>;

/** What each of them does. */
export const cutResponders: FaultResponders<CutFault> = {
  reset: (fault) => (call) => {
    if (fault.at === 'before-headers') return { ...SILENCE, ending: 'reset' };
    const reply = trueReply(call);
    const [before] = fault.at === 'mid-body' ? splitReply(reply, fault.afterChunks) : [[]];
    return { ...reply, pieces: [HEAD, ...before], ending: 'reset' };
  },

  cut: (fault) => (call) => {
    const reply = trueReply(call);
    const [before] = splitReply(reply, fault.afterChunks);
    const finish = fault.finish ? reply.pieces.filter(({ kind }) => kind === 'finish') : [];
    const isAbrupt = fault.abrupt || !call.request.stream;
    return { ...reply, pieces: [...before, ...finish], ending: isAbrupt ? 'fin' : 'end' };
  },

  'no-done': (fault) => (call) => {
    const dropped: Piece['kind'][] = fault.finish ? ['done'] : ['done', 'usage', 'finish'];
    const reply = trueReply(call);
    return { ...reply, pieces: reply.pieces.filter(({ kind }) => !dropped.includes(kind)) };
  },

  'malformed-event': (fault) => (call) => {
    if (!call.request.stream) return halfBody(call);
    const reply = trueReply(call);
    const pieces = reply.pieces.map((piece, index) => (index === fault.event - 1 ? breakJson(piece) : piece));
    return { ...reply, pieces };
  },

  'error-event': (fault) => (call) => errorIn200(call, fault, fault.event),

  'error-in-200': (fault) => (call) => errorIn200(call, fault, 1),

  garbage: () => (call) => {
    if (!call.request.stream) return halfBody(call);
    return streamReply(trueReply(call).pieces.slice(0, 1).map(breakJson));
  },
};

function errorIn200(
  call: FaultedCall,
  fault: Extract<CutFault, { kind: 'error-in-200' | 'error-event' }>,
  event: number,
): Reply {
  const { status, code, type, message = 'The server had an error (simulated).' } = fault;
  const error = { status, code, type, message };
  if (!call.request.stream) {
    return bodyReply(200, 'application/json', call.wire.renderError(error, call.requestId), true);
  }
  const last: Piece = { kind: 'noise', data: call.wire.renderErrorEvent(error, call.requestId) };
  return streamReply([...trueReply(call).pieces.slice(0, event - 1), last]);
}

function halfBody(call: FaultedCall): Reply {
  const [[half]] = splitReply(trueReply(call)) as [[Piece], Piece[]];
  return bodyReply(200, 'application/json', half.data, true, half.tokens);
}

function breakJson(piece: Piece): Piece {
  const halve = (_: string, json: string): string => `data: ${json.slice(0, Math.ceil(json.length / 2))}`;
  return { ...piece, data: String(piece.data).replace(/data: (.+)/, halve) };
}
