import { OpenCall, type CallCount, type CallRecord } from './open-call.js';
import { keptRequest, type KeptRequest, type ReceivedRequest } from './kept-request.js';

/** Which calls to show; `since` is epoch ms, inclusive. */
export interface CallFilter {
  provider?: string | undefined;
  model?: string | undefined;
  since?: number | undefined;
  operation?: CallRecord['operation'] | undefined;
}

/** What the caller of the log says of a call that has arrived. */
export type ArrivedCall = Pick<
  CallRecord,
  'provider' | 'model' | 'wire' | 'operation' | 'stream' | 'maxTokens' | 'promptChars'
>;

/** Calls whose details are kept by default; counts go on for ever. */
const DEFAULT_KEPT_CALLS = 50_000;
/** Calls whose requests are kept as they came, if any are. */
const KEPT_REQUESTS = 100;
/** Pairs of provider and model that are counted apart; names are up to the callers. */
const MAX_COUNTS = 10_000;
/** Provider and model that all further pairs are counted as: no name that a call can have. */
const OTHERS = '(others)';
/** Longer names of models are cut: a record must stay small. */
const MAX_MODEL_CHARS = 200;

/** Remembers calls from their arrival: the latest in detail, all of them in numbers. */
export class CallLog {
  private ring: (CallRecord | undefined)[] = [];
  private counts = new Map<string, Map<string, CallCount>>();
  private countedPairs = 0;
  private readonly requests = new Map<number, KeptRequest>();
  private lastSeq = 0;
  private readonly keptCalls: number;
  private readonly maxCounts: number;
  /** Whether requests are kept as they came. They are the data of others: only on demand. */
  readonly keepsBodies: boolean;

  constructor({ keptCalls = DEFAULT_KEPT_CALLS, maxCounts = MAX_COUNTS, keepBodies = false } = {}) {
    this.keptCalls = keptCalls;
    this.maxCounts = maxCounts;
    this.keepsBodies = keepBodies;
  }

  /** Notes a call that has arrived. */
  open(call: ArrivedCall, request?: ReceivedRequest): OpenCall {
    const seq = ++this.lastSeq;
    const model = call.model.slice(0, MAX_MODEL_CHARS);
    const unfinished = { status: 'pending', chunksSent: 0, latencyMs: null, aborted: false } as const;
    const record: CallRecord = { seq, at: Date.now(), ...call, model, ...unfinished };
    this.ring[seq % this.keptCalls] = record;
    if (this.keepsBodies && request !== undefined) {
      this.requests.set(seq, keptRequest(request));
      this.requests.delete(seq - KEPT_REQUESTS);
    }
    return new OpenCall(record, this.countOf(call.provider, model));
  }

  /** The request of a call as it came; undefined when it was not kept. */
  requestOf(call: CallRecord): KeptRequest | undefined {
    return this.requests.get(call.seq);
  }

  /** The calls that match, in order of arrival: how many details there are, and the last `limit` of them. */
  list(filter: CallFilter, limit: number): { total: number; calls: CallRecord[] } {
    const calls: CallRecord[] = [];
    for (let seq = Math.max(1, this.lastSeq - this.keptCalls + 1); seq <= this.lastSeq; seq++) {
      const record = this.ring[seq % this.keptCalls];
      if (record !== undefined && matches(record, filter)) calls.push(record);
    }
    return { total: calls.length, calls: limit === 0 ? [] : calls.slice(-limit) };
  }

  /** Counts per provider and model. */
  countsByModel(): Record<string, Record<string, CallCount>> {
    return Object.fromEntries([...this.counts].map(([provider, models]) => [provider, Object.fromEntries(models)]));
  }

  /** Forgets details and counts, of one provider or of all. Calls under way are forgotten too. */
  clear(provider?: string): void {
    if (provider === undefined) {
      this.counts.clear();
      this.countedPairs = 0;
      this.ring = [];
      this.requests.clear();
      return;
    }
    this.countedPairs -= this.counts.get(provider)?.size ?? 0;
    this.counts.delete(provider);
    for (const record of this.ring) if (record?.provider === provider) this.requests.delete(record.seq);
    // The places stay: the other calls are found by their seq.
    this.ring = this.ring.map((record) => (record?.provider === provider ? undefined : record));
  }

  private countOf(provider: string, model: string): CallCount {
    const models = this.counts.get(provider) ?? new Map<string, CallCount>();
    const known = models.get(model);
    if (known !== undefined) return known;
    if (this.countedPairs >= this.maxCounts && provider !== OTHERS) return this.countOf(OTHERS, OTHERS);
    const count: CallCount = { total: 0, byStatus: {} };
    this.counts.set(provider, models.set(model, count));
    this.countedPairs += 1;
    return count;
  }
}

function matches(record: CallRecord, { provider, model, since, operation }: CallFilter): boolean {
  return (
    (provider === undefined || record.provider === provider) &&
    (model === undefined || record.model === model) &&
    (operation === undefined || record.operation === operation) &&
    (since === undefined || record.at >= since)
  );
}
