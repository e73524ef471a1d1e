import type { Answer } from '../answer.js';
import type { CompletionRequest } from '../completion-request.js';
import type { Reply, WholeReply } from '../reply.js';
import type { Random } from '../seeded-random.js';
import type { Wire, WireError } from '../wire.js';

/** What a fault does to one request, as data: the request is answered later, or with another reply. */
type FaultEffect = { factor: number; addMs: number } | Reply;

/** What a fault may know about the request it meets. */
export interface FaultedCall {
  nowMs: number;
  request: CompletionRequest;
  wire: Wire;
  requestId: string;
  /** Composes what the true answer would have been. */
  answer: () => Answer;
  /** The reply that carries an answer: a body or a stream, as was asked. */
  render: (answer: Answer) => WholeReply;
  renderError: (error: WireError & { headers?: Record<string, string> | undefined }) => WholeReply;
}

/** Decides about one request after the other; undefined lets the request pass. */
export type FaultResponder = (call: FaultedCall) => FaultEffect | undefined;

/** For each kind: from the fault as set, and a random source of its own, to its responder. */
export type FaultResponders<AnyFault extends { kind: string }> = {
  [Kind in AnyFault['kind']]: (fault: Extract<AnyFault, { kind: Kind }>, random: Random) => FaultResponder;
};

/** The true reply to a call. */
export function trueReply(call: FaultedCall): WholeReply {
  return call.render(call.answer());
}
