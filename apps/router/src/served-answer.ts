import type { ProviderConfig, TargetConfig } from '#libs/config';
import type { ChatCompletion, CompletionRequest, Cost, Usage } from '#libs/contracts';
import { estimateUsage, type PriceList } from '#libs/pricing';
import type { CallOutcome } from '#libs/providers';

/** An answer, and what is to be told of it beside its text. */
export interface ServedAnswer {
  completion: ChatCompletion;
  servedModel: string | undefined;
  usage: Usage;
  cost: Cost;
  droppedSettings: readonly string[];
  /** Absent without modes. */
  mode?: string | undefined;
}

/** Counts and prices an answer. Tokens that the provider did not count are estimated, and told to be. */
export function serve(
  outcome: Extract<CallOutcome, { ok: true }>,
  from: { target: TargetConfig; provider: ProviderConfig; request: CompletionRequest },
  prices: PriceList,
): ServedAnswer {
  const { answer, servedModel, droppedSettings = [] } = outcome;
  const { target, provider, request } = from;
  const counted = outcome.usage;
  const tokens = counted ?? estimateUsage(request, answer);
  const usage = { ...tokens, estimated: counted === undefined };
  const model = servedModel ?? target.model;
  const cost = prices.costOf({ baseUrl: provider.baseUrl, model, usage, price: target.price }, Date.now());
  return { completion: answer, servedModel, usage: withoutCacheWrites(usage), cost, droppedSettings };
}

/** What was written to a cache matters for the price alone. */
const withoutCacheWrites = ({ inputTokens, outputTokens, cachedInputTokens, estimated }: Usage): Usage => ({
  inputTokens,
  outputTokens,
  ...(cachedInputTokens !== undefined && { cachedInputTokens }),
  estimated,
});

/** The provider answered, but the model or a filter refused to. */
export function isRefusal({ choices }: ChatCompletion): boolean {
  return choices.some((choice) => {
    const message = choice['message'] as { refusal?: unknown } | null | undefined;
    return (
      choice.finish_reason === 'content_filter' || (typeof message?.refusal === 'string' && message.refusal !== '')
    );
  });
}
