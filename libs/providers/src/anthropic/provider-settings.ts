import type { CompletionRequest } from '#libs/contracts';
import { fieldsOf, textOf } from './fields.js';
import type { ProviderSettings } from './sdk-types.js';
import { UntranslatableError } from './untranslatable.errors.js';

/** OpenAI's words for how hard to think, in Anthropic's. */
const EFFORTS: Readonly<Record<string, string>> = {
  minimal: 'low',
  low: 'low',
  medium: 'medium',
  high: 'high',
  xhigh: 'xhigh',
  max: 'max',
};

/** Settings that exist at Anthropic alone, or that the library takes by another way than its own options. */
export function providerSettings(body: CompletionRequest): ProviderSettings {
  const effort = textOf(body['reasoning_effort']);
  const thinking = effort === 'none' ? { type: 'disabled' } : thinkingOf(body['thinking']);
  if (effort !== undefined && effort !== 'none' && !EFFORTS[effort])
    throw new UntranslatableError('unsupported_param', `reasoning_effort "${effort}" is unknown to this provider`);
  const user = textOf(body['user']) ?? textOf(fieldsOf(body['metadata'])['user_id']);
  return {
    ...(effort && EFFORTS[effort] && { effort: EFFORTS[effort] }),
    ...(thinking && { thinking }),
    ...(user && { metadata: { userId: user } }),
    ...(body['parallel_tool_calls'] === false && { disableParallelToolUse: true }),
  } as ProviderSettings;
}

/** Anthropic's own `thinking`, for those who know it. */
function thinkingOf(value: unknown): Record<string, unknown> | undefined {
  const { type, budget_tokens: budgetTokens, display } = fieldsOf(value);
  if (type === undefined) return undefined;
  return { type, ...(budgetTokens !== undefined && { budgetTokens }), ...(display !== undefined && { display }) };
}
