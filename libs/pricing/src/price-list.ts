import type { Cost } from '#libs/contracts';
import { calcPrice, type PriceCalculation } from '@pydantic/genai-prices';
import { isSubstitute } from './is-substitute.js';

/** US dollars per million tokens, as configured. */
export interface TargetPrice {
  inputPerMillion: number;
  outputPerMillion: number;
  /** Default: as other input. */
  cachedInputPerMillion?: number | undefined;
}

/** An answer that was paid for. */
export interface PricedCall {
  /** Where the provider is; the list knows the providers by their addresses. */
  baseUrl: string;
  /** The model that served, or was asked for when the provider did not say. */
  model: string;
  usage: {
    inputTokens: number;
    outputTokens: number;
    cachedInputTokens?: number | undefined;
    cacheWriteTokens?: number | undefined;
    estimated: boolean;
  };
  /** The target's own price; it wins. */
  price?: TargetPrice | undefined;
}

/** Looking up costs up to 60 µs; prices change by the hour at most. */
const REMEMBER_MS = 60_000;

/** More models than any configuration has; names come from providers, so there must be an end. */
const MOST_REMEMBERED = 1_000;

interface Known {
  until: number;
  found: { flat: Rates | null; source: 'library' | 'approx' } | null;
}

/** Prices per token that hold for any size of call. */
interface Rates {
  input: number;
  output: number;
  cacheRead: number;
  cacheWrite: number;
}

/** What answers cost: by the target's configured price, else by the price list that comes with the library, else unknown. */
export class PriceList {
  readonly #known = new Map<string, Known>();

  /** Cost of one answer at `now` (epoch milliseconds); some prices depend on the time of day. Null is unknown, never free. */
  costOf(call: PricedCall, now: number): Cost {
    const { usage, price } = call;
    const { estimated } = usage;
    if (price) return known(byPrice(usage, price), 'config', estimated);
    const { found } = this.#lookUp(call, now);
    if (!found) return { usd: null, source: 'unknown', estimated };
    const usd = found.flat ? byRates(usage, found.flat) : (calculate(call, now)?.total_price ?? null);
    return known(usd, found.source, estimated);
  }

  #lookUp(call: PricedCall, now: number): Known {
    const key = `${call.baseUrl} ${call.model}`;
    const last = this.#known.get(key);
    if (last && now < last.until && now >= last.until - REMEMBER_MS) return last;
    const found = calculate(call, now);
    const entry: Known = {
      until: now + REMEMBER_MS,
      found: found && { flat: flatRates(found.model_price), source: sourceOf(call.model, found) },
    };
    if (this.#known.size >= MOST_REMEMBERED) this.#known.clear();
    this.#known.set(key, entry);
    return entry;
  }
}

/** A sum that is none is not known. */
const known = (usd: number | null, source: Cost['source'], estimated: boolean): Cost =>
  usd !== null && Number.isFinite(usd) ? { usd, source, estimated } : { usd: null, source: 'unknown', estimated };

/** By the provider at this address; a relay that the list does not know is taken to charge what the model's maker does. */
function calculate(
  { baseUrl, model, usage }: PricedCall,
  now: number,
): (PriceCalculation & { isGuess: boolean }) | null {
  const tokens = {
    input_tokens: usage.inputTokens,
    output_tokens: usage.outputTokens,
    cache_read_tokens: Math.min(usage.cachedInputTokens ?? 0, usage.inputTokens),
    cache_write_tokens: Math.min(usage.cacheWriteTokens ?? 0, usage.inputTokens - (usage.cachedInputTokens ?? 0)),
  };
  const timestamp = new Date(now);
  try {
    const exact = calcPrice(tokens, model, { providerApiUrl: baseUrl, timestamp });
    if (exact) return { ...exact, isGuess: false };
    const guess = calcPrice(tokens, model, { timestamp });
    return guess && { ...guess, isGuess: true };
  } catch {
    // The library throws for usage that it cannot price; an unknown price must not fail a job.
    return null;
  }
}

/** The list matches by the beginning of names: `claude-sonnet-5-5` finds `claude-sonnet-5`. */
const sourceOf = (model: string, { model: found, isGuess }: PriceCalculation & { isGuess: boolean }) =>
  isGuess || isSubstitute(model, found.id) ? 'approx' : 'library';

/** Null for prices with tiers, which have to be calculated call by call. */
function flatRates(price: PriceCalculation['model_price']): Rates | null {
  const { input_mtok: input, output_mtok: output } = price;
  const { cache_read_mtok: cacheRead = input, cache_write_mtok: cacheWrite = input } = price;
  return [input, output, cacheRead, cacheWrite].every((rate) => typeof rate === 'number')
    ? ({ input, output, cacheRead, cacheWrite } as Rates)
    : null;
}

function byRates(usage: PricedCall['usage'], rates: Rates): number {
  const { inputTokens, outputTokens } = usage;
  const read = Math.min(usage.cachedInputTokens ?? 0, inputTokens);
  const written = Math.min(usage.cacheWriteTokens ?? 0, inputTokens - read);
  const fresh = Math.max(0, inputTokens - read - written);
  return dollars(
    fresh * rates.input + read * rates.cacheRead + written * rates.cacheWrite + outputTokens * rates.output,
  );
}

function byPrice(usage: PricedCall['usage'], price: TargetPrice): number {
  const { inputPerMillion: input, outputPerMillion: output, cachedInputPerMillion: cacheRead = input } = price;
  return byRates(usage, { input, output, cacheRead, cacheWrite: input });
}

/** Millionths of dollars are summed before the division, and rounded to what a bill could ever show. */
const dollars = (millionths: number) => Math.round(millionths * 1e6) / 1e12;
