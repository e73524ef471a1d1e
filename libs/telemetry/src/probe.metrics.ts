import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { activeExemplar, type ExemplarLabel } from './exemplars.js';
import { CALL_SECONDS } from './buckets.js';

/** The label values that can occur; each gets series that start at 0. */
export interface ProbeLabels {
  /** Models by the providers' names. */
  models: readonly string[];
}

/** What the pings of this process found. */
export class ProbeMetrics {
  private readonly probes: Counter<'model' | 'result' | ExemplarLabel>;
  private readonly latency: Histogram<'model' | ExemplarLabel>;
  private readonly lastAt: Gauge<'model'>;
  private readonly tokens: Counter<'target' | 'kind'>;
  private readonly misconfigured: Gauge<'target'>;

  constructor(registry: Registry, known: ProbeLabels) {
    const registers = [registry];
    this.probes = new Counter({
      name: 'ai_probes_total',
      help: 'Pings, by model and result (success, error)',
      labelNames: ['model', 'result'],
      enableExemplars: true,
      registers,
    });
    this.latency = new Histogram({
      name: 'ai_probe_latency_seconds',
      help: 'Duration of pings, failed ones included',
      labelNames: ['model'],
      buckets: CALL_SECONDS,
      enableExemplars: true,
      registers,
    });
    // No value before the first ping: a 0 would be a ping in 1970, and raise the alert on stale probes at every start.
    this.lastAt = new Gauge({
      name: 'ai_probe_last_timestamp_seconds',
      help: 'When the last ping ended, in seconds since 1970',
      labelNames: ['model'],
      registers,
    });
    this.tokens = new Counter({
      name: 'ai_probe_tokens_total',
      help: 'Tokens that pings cost, by target and kind (input, output)',
      labelNames: ['target', 'kind'],
      registers,
    });
    this.misconfigured = new Gauge({
      name: 'ai_probe_misconfigured',
      help: '1 while the provider refuses the ping itself, so that the health of the target stays unknown',
      labelNames: ['target'],
      registers,
    });
    for (const model of new Set(known.models)) {
      for (const result of ['success', 'error']) this.probes.inc({ labels: { model, result }, value: 0 });
      this.latency.zero({ model });
    }
  }

  /** A ping gave a whole answer. `endedAt` is in epoch milliseconds. */
  probeSucceeded(model: string, latencyMs: number, endedAt: number): void {
    this.record(model, 'success', latencyMs, endedAt);
  }

  /** A ping failed. `endedAt` is in epoch milliseconds. */
  probeFailed(model: string, latencyMs: number, endedAt: number): void {
    this.record(model, 'error', latencyMs, endedAt);
  }

  /** What a ping of `target` cost. */
  tokensSpent(target: string, inputTokens: number, outputTokens: number): void {
    this.tokens.inc({ target, kind: 'input' }, inputTokens);
    this.tokens.inc({ target, kind: 'output' }, outputTokens);
  }

  /** Whether the provider finds fault with the ping itself. */
  foundMisconfigured(target: string, isMisconfigured: boolean): void {
    this.misconfigured.set({ target }, isMisconfigured ? 1 : 0);
  }

  private record(model: string, result: 'success' | 'error', latencyMs: number, endedAt: number): void {
    const exemplarLabels = activeExemplar();
    this.probes.inc({ labels: { model, result }, exemplarLabels });
    this.latency.observe({ labels: { model }, value: latencyMs / 1000, exemplarLabels });
    this.lastAt.set({ model }, endedAt / 1000);
  }
}
