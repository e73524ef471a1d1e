import { OpenCall, type CallCount, type CallRecord } from './open-call.js';

/** Which calls to show; `since` is epoch ms, inclusive. */
export interface CallFilter {
  provider?: string | undefined;
  model?: string | undefined;
  since?: number | undefined;
}

/** Calls whose details are kept by default; counts go on for ever. */
const DEFAULT_KEPT_CALLS = 50_000;

/** Remembers calls from their arrival: the latest in detail, all of them in numbers. */
export class CallLog {
  private ring: (CallRecord | undefined)[] = [];
  private counts = new Map<string, Map<string, CallCount>>();
  private lastSeq = 0;

  constructor(private readonly keptCalls = DEFAULT_KEPT_CALLS) {}

  /** Notes a call that has arrived. */
  open(call: Pick<CallRecord, 'provider' | 'model' | 'stream' | 'maxTokens' | 'promptChars'>): OpenCall {
    const seq = ++this.lastSeq;
    const record: CallRecord = { seq, at: Date.now(), ...call, status: 'pending', latencyMs: null, aborted: false };
    this.ring[seq % this.keptCalls] = record;
    return new OpenCall(record, this.countOf(call.provider, call.model));
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
      this.ring = [];
      return;
    }
    this.counts.delete(provider);
    // The places stay: the other calls are found by their seq.
    this.ring = this.ring.map((record) => (record?.provider === provider ? undefined : record));
  }

  private countOf(provider: string, model: string): CallCount {
    const models = this.counts.get(provider) ?? new Map<string, CallCount>();
    const count = models.get(model) ?? { total: 0, byStatus: {} };
    this.counts.set(provider, models.set(model, count));
    return count;
  }
}

function matches(record: CallRecord, { provider, model, since }: CallFilter): boolean {
  return (
    (provider === undefined || record.provider === provider) &&
    (model === undefined || record.model === model) &&
    (since === undefined || record.at >= since)
  );
}
