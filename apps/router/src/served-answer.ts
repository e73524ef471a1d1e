import type { ProviderConfig, TargetConfig } from '#libs/config';
import { type Answer, type Cost, isEmbeddings, type JobPayload, type Usage } from '#libs/contracts';
import { estimateInput, estimateUsage, type PriceList } from '#libs/pricing';
import type { CallOutcome } from '#libs/providers';

/** An answer, and what is to be told of it beside what it says. */
export interface ServedAnswer {
  body: Answer;
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
  from: { target: TargetConfig; provider: ProviderConfig; job: JobPayload },
  prices: PriceList,
): ServedAnswer {
  const { answer, servedModel, droppedSettings = [] } = outcome;
  const { target, provider, job } = from;
  const counted = outcome.usage;
  const tokens = counted ?? estimated(job, answer);
  const usage = { ...tokens, estimated: counted === undefined };
  const model = servedModel ?? target.model;
  const cost = prices.costOf({ baseUrl: provider.baseUrl, model, usage, price: target.price }, Date.now());
  return { body: answer, servedModel, usage: withoutCacheWrites(usage), cost, droppedSettings };
}

function estimated(job: JobPayload, answer: Answer): Pick<Usage, 'inputTokens' | 'outputTokens'> {
  if (job.operation === 'embeddings') return { inputTokens: estimateInput(job.request), outputTokens: 0 };
  return isEmbeddings(answer) ? { inputTokens: 0, outputTokens: 0 } : estimateUsage(job.request, answer);
}

/** What was written to a cache matters for the price alone. */
const withoutCacheWrites = ({ inputTokens, outputTokens, cachedInputTokens, estimated }: Usage): Usage => ({
  inputTokens,
  outputTokens,
  ...(cachedInputTokens !== undefined && { cachedInputTokens }),
  estimated,
});

/** The provider answered, but the model or a filter refused to. */
export function isRefusal(answer: Answer): boolean {
  if (isEmbeddings(answer)) return false;
  return answer.choices.some((choice) => {
    const message = choice['message'] as { refusal?: unknown } | null | undefined;
    return (
      choice.finish_reason === 'content_filter' || (typeof message?.refusal === 'string' && message.refusal !== '')
    );
  });
}
