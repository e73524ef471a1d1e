import { z } from 'zod';
import { bodyReply, HEAD, streamReply, type Piece } from '../reply.js';
import { trueReply, type FaultedCall, type FaultResponders } from './fault-responder.js';

/** Stands in a token for what is put there after rendering; from Unicode's private area, so in no answer. */
const MARK = '\u{e000}';
const HUGE_PIECE_CHARS = 64 * 1024;

/** Faults that answer 200 with what is no completion at all, or none that can be read. */
export const bodyFaults = [
  /** A page of HTML, as a proxy in front of a provider sends. */
  z.strictObject({ kind: z.literal('html') }),
  /** Nothing: a body of 0 bytes, a stream without events. */
  z.strictObject({ kind: z.literal('empty-body') }),
  /** `null`, as the body or as the only event. */
  z.strictObject({ kind: z.literal('null-body') }),
  /** A valid answer of `megabytes` megabytes; without it, one that never ends. Its length is not announced. */
  z.strictObject({ kind: z.literal('huge'), megabytes: z.number().positive().max(10_000).optional() }),
  /** A completion with bytes in its text that are not UTF-8. */
  z.strictObject({ kind: z.literal('invalid-utf8') }),
] as const;

type BodyFault = z.infer<(typeof bodyFaults)[number]>;

/** What each of them does. */
export const bodyResponders: FaultResponders<BodyFault> = {
  html: () => () =>
    bodyReply(200, 'text/html; charset=utf-8', '<!doctype html><html><body><h1>Welcome</h1></body></html>', true),

  'empty-body': () => (call) => replace(call, ''),

  'null-body': () => (call) => replace(call, call.request.stream ? 'data: null\n\n' : 'null'),

  huge: (fault) => (call) => {
    const { 'content-length': _, ...headers } = trueReply(call).headers as Record<string, string>;
    const bytes = (fault.megabytes ?? Infinity) * 1024 * 1024;
    return { status: 200, headers, pieces: inflate(markedPieces(call), bytes), ending: 'end', late: true };
  },

  'invalid-utf8': () => (call) => {
    const pieces = markedPieces(call).map((piece) => {
      const [before = '', ...after] = String(piece.data).split(MARK);
      const invalid = after.flatMap((part) => [Buffer.from([0xc3, 0x28, 0xff]), Buffer.from(part)]);
      return { ...piece, data: Buffer.concat([Buffer.from(before), ...invalid]) };
    });
    if (call.request.stream) return streamReply(pieces);
    return bodyReply(200, 'application/json', pieces[0]?.data ?? '', true);
  },
};

function replace(call: FaultedCall, data: string) {
  if (call.request.stream) return streamReply([{ kind: 'noise', data }]);
  return bodyReply(200, 'application/json', data, true);
}

/** The true reply with a mark for its only token. */
function markedPieces(call: FaultedCall): Piece[] {
  return call.render({ ...call.answer(), tokens: [MARK], toolName: null }).pieces;
}

/** Puts so much text where the mark is that the whole has at least that many bytes. */
function* inflate(pieces: readonly Piece[], bytes: number): Generator<Piece> {
  const filler = 'encore '.repeat(Math.ceil(HUGE_PIECE_CHARS / 7));
  yield HEAD;
  for (const piece of pieces) {
    const [before = '', after] = String(piece.data).split(MARK);
    // A stream repeats the event, a body fills it.
    const isBody = piece.kind === 'body';
    if (after === undefined || isBody) yield { kind: piece.kind, data: before };
    if (after === undefined) continue;
    const data = isBody ? filler : `${before}${filler}${after}`;
    for (let sent = 0; sent < bytes; sent += data.length) yield { kind: piece.kind, data };
    if (isBody) yield { kind: piece.kind, data: after };
  }
}
