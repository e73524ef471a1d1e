import { Counter, Histogram, type Registry } from 'prom-client';
import { CALL_SECONDS } from './buckets.js';

/** What a good answer to user traffic took. */
export interface AnswerFacts {
  /** Model by the provider's name, as configured. */
  model: string;
  /** Undefined where the answer came in one piece. */
  firstTokenMs: number | undefined;
  inputTokens: number;
  outputTokens: number;
  /** US dollars; null when no price is known. */
  usd: number | null;
}

/** What answers look like and cost. Probes are never counted here. */
export class AnswerMetrics {
  private readonly firstToken: Histogram<'model'>;
  private readonly tokens: Counter<'model' | 'direction'>;
  private readonly cost: Counter<'model'>;
  private readonly unpriced: Counter<'model'>;
  private readonly discarded: Counter<'model'>;
  private readonly discardedChars: Counter<'model'>;
  private readonly substituted: Counter<'model'>;

  constructor(registry: Registry, { models }: { models: readonly string[] }) {
    const base = { labelNames: ['model'] as 'model'[], registers: [registry] };
    this.firstToken = new Histogram({
      name: 'ai_first_token_seconds',
      help: 'Time from sending a request to the first thing its answer said, by model',
      buckets: CALL_SECONDS,
      ...base,
    });
    this.tokens = new Counter({
      name: 'ai_tokens_total',
      help: 'Tokens of answers that were given, by model and direction (input, output)',
      labelNames: ['model', 'direction'],
      registers: [registry],
    });
    this.cost = new Counter({
      name: 'ai_cost_usd_total',
      help: 'Cost of answers with a known price, by model',
      ...base,
    });
    this.unpriced = new Counter({
      name: 'ai_answers_unpriced_total',
      help: 'Answers for which no price is known, by model',
      ...base,
    });
    this.discarded = new Counter({
      name: 'ai_partial_answers_discarded_total',
      help: 'Answers that broke in the middle and were thrown away, by model',
      ...base,
    });
    this.discardedChars = new Counter({
      name: 'ai_partial_answer_chars_discarded_total',
      help: 'Characters of answers that broke in the middle, by model',
      ...base,
    });
    this.substituted = new Counter({
      name: 'ai_model_substitutions_total',
      help: 'Answers that came from another model than the provider was asked for, by the model asked for',
      ...base,
    });
    for (const model of new Set(models)) this.startAtZero(model);
  }

  answered({ model, firstTokenMs, inputTokens, outputTokens, usd }: AnswerFacts): void {
    if (firstTokenMs !== undefined) this.firstToken.observe({ model }, firstTokenMs / 1000);
    this.tokens.inc({ model, direction: 'input' }, inputTokens);
    this.tokens.inc({ model, direction: 'output' }, outputTokens);
    if (usd === null) this.unpriced.inc({ model });
    else this.cost.inc({ model }, usd);
  }

  /** An answer broke after so many characters, and was thrown away. */
  partialDiscarded(model: string, chars: number): void {
    this.discarded.inc({ model });
    this.discardedChars.inc({ model }, chars);
  }

  /** The provider served another model than it was asked for. */
  modelSubstituted(model: string): void {
    this.substituted.inc({ model });
  }

  private startAtZero(model: string): void {
    this.firstToken.zero({ model });
    for (const direction of ['input', 'output']) this.tokens.inc({ model, direction }, 0);
    for (const counter of [this.cost, this.unpriced, this.discarded, this.discardedChars, this.substituted])
      counter.inc({ model }, 0);
  }
}
