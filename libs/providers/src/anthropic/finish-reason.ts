import { AnswerError } from '../answer-error.js';
import type { Generated } from './sdk-types.js';

/** Anthropic's stop reasons in OpenAI's words. */
const FINISH_REASONS: Readonly<Record<string, string>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  pause_turn: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
};

/**
 * @param finish `raw` is what the provider said
 * @throws AnswerError when it said nothing: the answer was cut
 */
export function finishReasonOf({ raw, unified }: Generated['finishReason']): string {
  if (!raw) throw new AnswerError('bad_response', 'the answer ended without a stop reason');
  // The library makes texts out of the calls of a tool that it added itself, for JSON by schema.
  if (raw === 'tool_use' && unified === 'stop') return 'stop';
  return FINISH_REASONS[raw] ?? 'stop';
}
