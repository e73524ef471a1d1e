/** One write of a reply. */
export interface Piece {
  /**
   * What it is to the answer: `head` the headers alone, `opening` what comes before the first token, `token` a token's
   * event, `finish` the stop reason, `usage` the token counts, `done` the end marker, `body` (part of) a body that is no
   * stream, `noise` anything else.
   */
  kind: 'head' | 'opening' | 'token' | 'finish' | 'usage' | 'done' | 'body' | 'noise';
  data: string | Buffer;
  /** How many token times pass before it, at the model's pace. */
  tokens?: number;
  /** Milliseconds that pass before it on top of that. */
  pauseMs?: number;
}

/**
 * What happens after the last piece: a complete response (`end`), the connection closed in the middle of one (`fin`) or
 * reset (`reset`), or left open with the answer incomplete (`open`) or complete (`linger`).
 */
type Ending = 'end' | 'fin' | 'reset' | 'open' | 'linger';

/** A response as data: what is written when, and how it ends. Without pieces not even the headers are sent. */
export interface Reply {
  status: number;
  headers: Record<string, string>;
  /** May be endless, may wait between pieces. */
  pieces: Iterable<Piece>;
  ending: Ending;
  /** Comes when the model's first token would; otherwise at once, as errors do. */
  late: boolean;
  /** The pieces hold the response's status line and headers too. */
  rawHead?: boolean;
}

/** A reply whose pieces are all there. */
export interface WholeReply extends Reply {
  pieces: Piece[];
}

/** Sends the headers and nothing yet. */
export const HEAD: Piece = { kind: 'head', data: '' };

/** A response in one piece. `tokens`: how many the answer has, which is how long it takes. */
export function bodyReply(status: number, contentType: string, data: string | Buffer, late: boolean, tokens = 0) {
  const headers = { 'content-type': contentType, 'content-length': String(Buffer.byteLength(data)) };
  return { status, headers, pieces: [{ kind: 'body', data, tokens }], ending: 'end', late } satisfies WholeReply;
}

/** A stream of server-sent events. */
export function streamReply(pieces: Piece[]): WholeReply {
  const headers = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' };
  return { status: 200, headers, pieces, ending: 'end', late: true };
}

/** Sends nothing, ever. */
export const SILENCE: Reply = { status: 200, headers: {}, pieces: [], ending: 'open', late: false };

/**
 * Parts a reply after its `afterChunks`-th token; without a number, or if it is no stream, in the middle. Nothing of the
 * end (stop reason, usage, end marker) is in the first part.
 */
export function splitReply({ pieces }: WholeReply, afterChunks?: number): [Piece[], Piece[]] {
  const [first] = pieces;
  if (first?.kind === 'body') {
    const bytes = Buffer.from(first.data);
    const half = Math.floor(bytes.length / 2);
    const rest: Piece = { kind: 'body', data: bytes.subarray(half) };
    return [[{ ...first, data: bytes.subarray(0, half) }], [rest]];
  }
  const tokenCount = pieces.filter(({ kind }) => kind === 'token').length;
  let left = afterChunks ?? Math.floor(tokenCount / 2);
  const at = pieces.findIndex(({ kind }) => (kind === 'token' ? left-- === 0 : kind !== 'opening'));
  return at === -1 ? [pieces, []] : [pieces.slice(0, at), pieces.slice(at)];
}
