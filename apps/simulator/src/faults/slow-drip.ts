import { STATUS_CODES } from 'node:http';
import type { Piece, Reply, WholeReply } from '../reply.js';

/** A reply whose body comes byte by byte, `byteMs` milliseconds each. */
export function dripBytes(reply: WholeReply, byteMs: number): Reply {
  return { ...reply, pieces: drip([{ kind: 'head', data: '' }, ...reply.pieces], byteMs) };
}

/** A reply of which everything comes byte by byte, from the status line on. */
export function dripWithHead(reply: WholeReply, byteMs: number): Reply {
  // The end of the connection is the end of the body: no chunks to frame by hand.
  const lines = Object.entries({ ...reply.headers, connection: 'close' }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  const head = `HTTP/1.1 ${reply.status} ${STATUS_CODES[reply.status]}\r\n${lines.join('')}\r\n`;
  return { ...reply, pieces: drip([{ kind: 'noise', data: head }, ...reply.pieces], byteMs), rawHead: true };
}

function* drip(pieces: readonly Piece[], byteMs: number): Generator<Piece> {
  for (const piece of pieces) {
    if (piece.data.length === 0) yield piece;
    const bytes = Buffer.from(piece.data);
    for (let at = 0; at < bytes.length; at++) {
      // The last byte makes the token whole.
      const kind = at === bytes.length - 1 ? piece.kind : 'noise';
      yield { kind, data: bytes.subarray(at, at + 1), pauseMs: byteMs };
    }
  }
}
