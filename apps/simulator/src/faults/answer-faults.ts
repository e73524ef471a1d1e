import { z } from 'zod';
import type { Answer } from '../answer.js';
import type { FaultResponder, FaultResponders } from './fault-responder.js';

/** Faults within a well-formed 200: the answer itself is not what was asked for. */
export const answerFaults = [
  /** The list of choices (Anthropic: of content blocks) is empty. */
  z.strictObject({ kind: z.literal('empty-choices') }),
  /** There is no list of choices (of content blocks). */
  z.strictObject({ kind: z.literal('no-choices') }),
  /** A complete answer without a word, finished as if all was well. */
  z.strictObject({ kind: z.literal('empty-content') }),
  /** The role of the speaker and the end: neither content nor stop reason. */
  z.strictObject({ kind: z.literal('role-only') }),
  /** Another stop reason, word for word, after `afterChunks` tokens (default: all). */
  z.strictObject({ kind: z.literal('finish'), reason: z.string().min(1), afterChunks: z.int().min(0).optional() }),
  /** Another model than the one asked for answers, and says so. */
  z.strictObject({ kind: z.literal('served-model'), model: z.string().min(1) }),
  /** No token counts. */
  z.strictObject({ kind: z.literal('no-usage') }),
  /**
   * Embeddings alone: the last one is `missing` or half as `short`, or their first number is `not-finite` (`NaN`, as Python writes it,
   * or its bits in base64). Any other answer is the true one.
   */
  z.strictObject({ kind: z.literal('bad-vectors'), defect: z.enum(['missing', 'short', 'not-finite']) }),
] as const;

type AnswerFault = z.infer<(typeof answerFaults)[number]>;

/** What each of them does. */
export const answerResponders: FaultResponders<AnswerFault> = {
  'empty-choices': () => altering(() => ({ defect: 'empty-choices' })),
  'no-choices': () => altering(() => ({ defect: 'no-choices' })),
  'role-only': () => altering(() => ({ defect: 'role-only' })),
  'empty-content': () => altering(() => ({ tokens: [], toolName: null, finishReason: 'stop' })),
  finish: ({ reason, afterChunks }) =>
    altering(({ tokens }) => ({ rawFinishReason: reason, tokens: tokens.slice(0, afterChunks) })),
  'served-model': ({ model }) => altering(() => ({ model })),
  'no-usage': () => altering(() => ({ usage: null })),
  'bad-vectors': ({ defect }) => altering(() => ({ vectors: defect })),
};

/** Sends the true answer with some of it changed. */
function altering(change: (answer: Answer) => Partial<Answer>): FaultResponder {
  return (call) => {
    const answer = call.answer();
    return call.render({ ...answer, ...change(answer) });
  };
}
