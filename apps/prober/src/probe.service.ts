import { trace } from '@opentelemetry/api';
import type { ProviderConfig, TargetConfig, UnderstudyConfig } from '#libs/config';
import { ATTR } from '#libs/contracts';
import { consequenceOf, type Observation } from '#libs/health-core';
import {
  abortAs,
  callWithSpan,
  createAdapter,
  limitsFor,
  summaryOf,
  type CallOutcome,
  type ProviderAdapter,
} from '#libs/providers';
import type { Logger, ProbeMetrics } from '#libs/telemetry';
import type { FleetClock } from '#libs/redis';
import { embeddingsPingOf, pingOf } from './ping.js';
import type { TargetLimits } from '#libs/store';
import type { SnapshotPace } from './probe-pace.js';
import { slotIsOver, slotStart } from './probe-slot.js';
import type { ProbeDisposition, ProbeWork } from './probe-work.js';
import { ProviderLanes } from './provider-lanes.js';

/** Where observations go: the store's writer, which never throws and is never waited for. */
export interface ObservationSink {
  report(observation: Omit<Observation, 'id'>): void;
}

/** One run of a ping job. */
export interface ProbeRun {
  /** Stores that the provider is about to be called; when it rejects, no call is made. */
  mark: (calledAt: number) => Promise<void>;
  /** Fires when this prober has to stop before its pings have ended. */
  signal: AbortSignal;
}

/** Of the word `ping` and what is put around it. */
const PROMPT_TOKENS = 8;

/** While every place is taken by calls under way; the next ping comes in its own slot anyhow. */
const NEXT_LOOK_MS = 1_000;

interface Door {
  target: TargetConfig;
  provider: ProviderConfig;
  adapter: ProviderAdapter;
}

/** Pings a target and tells what it saw. A sick provider is a ping well done, with a bad observation. */
export class ProbeService {
  readonly #doors: ReadonlyMap<string, Door>;
  readonly #lanes: ProviderLanes;
  readonly #tracer = trace.getTracer('prober');
  /** Targets whose pings are refused as wrong; each is told once, until it answers. */
  readonly #misconfigured = new Set<string>();

  constructor(
    private readonly config: UnderstudyConfig,
    private readonly clock: FleetClock,
    private readonly observations: ObservationSink,
    private readonly metrics: ProbeMetrics,
    private readonly logger: Logger,
    private readonly pace: Pick<SnapshotPace, 'generation' | 'isSpared'>,
    private readonly limits: Pick<TargetLimits, 'take'>,
  ) {
    this.#doors = doorsOf(config);
    this.#lanes = new ProviderLanes(
      Object.entries(config.providers).map(([name, { probeConcurrency }]) => [name, probeConcurrency]),
    );
  }

  /** Makes the ping, if it is still worth making and nobody has made it. Rejects when `signal` fires before the call has begun. */
  async probe(work: ProbeWork, { mark, signal }: ProbeRun): Promise<ProbeDisposition> {
    const door = this.#doors.get(work.target);
    if (!door) {
      this.logger.warn({ target: work.target }, 'ping for a target that is not in this prober’s configuration');
      return 'unknown-target';
    }
    if (work.calledAt !== undefined) return 'called-before';
    if (this.pace.isSpared(work)) return 'spared';
    const patienceMs = slotStart(work.target, work.slot + 1, work.intervalMs) - this.clock.now();
    if (patienceMs <= 0) return 'too-late';

    const end = await this.#lanes.run(door.target.provider, { waitMs: patienceMs, signal }, () =>
      this.#withPlace(door, async () => {
        await mark(this.clock.now());
        // Marking waits for Redis, which may have been away for any length of time.
        if (slotIsOver(work.target, work.slot, this.clock.now(), work.intervalMs)) return 'too-late';
        await this.#call(door, signal);
        return 'called';
      }),
    );
    return end ?? 'too-late';
  }

  /** The provider counts pings like any other call, so they need a place as well. */
  async #withPlace(
    { target }: Door,
    ping: () => Promise<'called' | 'too-late'>,
  ): Promise<'called' | 'too-late' | 'no-place'> {
    const { id, limits, timeoutMs } = target;
    if (!limits) return ping();
    const answerTokens = target.operation === 'chat' ? this.config.probes.maxTokens : 0;
    const tokens = PROMPT_TOKENS + answerTokens;
    const answer = await this.limits.take(id, limits, { tokens, callMs: timeoutMs, nextEndMs: NEXT_LOOK_MS });
    if (!answer.granted) return 'no-place';
    try {
      return await ping();
    } finally {
      answer.place.giveBack();
    }
  }

  /** Ends the connections to all providers. */
  async close(): Promise<void> {
    const adapters = new Set(Array.from(this.#doors.values(), ({ adapter }) => adapter));
    await Promise.all(Array.from(adapters, (adapter) => adapter.close()));
  }

  async #call({ target, provider, adapter }: Door, signal: AbortSignal): Promise<void> {
    // A ping that ends after the breaker has changed is news of the time before.
    const generation = this.pace.generation(target.id);
    const attributes = { [ATTR.trafficType]: 'probe', [ATTR.healthTarget]: target.id };
    const { outcome, traceparent } = await callWithSpan(
      this.#tracer,
      {
        operation: target.operation,
        provider: target.provider,
        model: target.model,
        baseUrl: provider.baseUrl,
        attributes,
      },
      () =>
        this.#ask(
          target,
          adapter,
          abortAs(signal, () => 'shutdown'),
        ),
    );
    // Cut by our own stop: nobody has learnt anything.
    if (!outcome.ok && outcome.failure === 'shutdown') return;
    const endedAt = Date.now();
    if (outcome.ok) this.metrics.probeSucceeded(target.model, outcome.latencyMs, endedAt);
    else this.metrics.probeFailed(target.model, outcome.latencyMs, endedAt);
    if (outcome.ok && outcome.usage)
      this.metrics.tokensSpent(target.id, outcome.usage.inputTokens, outcome.usage.outputTokens);
    const isMisconfigured = this.#saysNothingAboutHealth(target, outcome);
    this.metrics.foundMisconfigured(target.id, isMisconfigured);
    if (isMisconfigured) return;

    this.observations.report({
      target: target.id,
      source: 'probe',
      outcome: outcome.ok ? 'success' : outcome.failure,
      latencyMs: outcome.latencyMs,
      ...(outcome.firstTokenMs !== undefined && { firstTokenMs: outcome.firstTokenMs }),
      at: endedAt,
      ...(generation !== undefined && { generation }),
      ...(!outcome.ok && outcome.httpStatus !== undefined && { httpStatus: outcome.httpStatus }),
      ...(!outcome.ok && outcome.scope !== undefined && { scope: outcome.scope }),
      ...(!outcome.ok && outcome.retryAfterMs !== undefined && { retryAfterMs: outcome.retryAfterMs }),
      // Nothing that a provider says of a ping can quote anybody's prompt.
      ...(!outcome.ok && { errorMessage: `${summaryOf(outcome)}: ${outcome.message}`, evidence: traceparent }),
    });
  }

  #ask(target: TargetConfig, adapter: ProviderAdapter, signal: AbortSignal): Promise<CallOutcome> {
    const { model, timeoutMs, streaming: stream, request: changes, embeddings } = target;
    const limits = limitsFor(target, { usualFirstTokenMs: timeoutMs, promptChars: 0, leftMs: timeoutMs });
    const call = { model, limits, changes, signal };
    return target.operation === 'embeddings'
      ? adapter.embed({ ...call, body: embeddingsPingOf(target), dimensions: embeddings?.dimensions })
      : adapter.chat({ ...call, body: pingOf(target, this.config.probes), stream });
  }

  /** A provider that finds fault with the ping itself is well: somebody has to mend the configuration. */
  #saysNothingAboutHealth(target: TargetConfig, outcome: CallOutcome): boolean {
    if (outcome.ok || consequenceOf(outcome.failure).health !== 'none') {
      this.#misconfigured.delete(target.id);
      return false;
    }
    if (!this.#misconfigured.has(target.id)) {
      this.#misconfigured.add(target.id);
      const { failure, httpStatus, message } = outcome;
      this.logger.warn(
        { event: 'probe.misconfigured', target: target.id, failure, http_status: httpStatus, message },
        'probe misconfigured: the provider refuses the ping itself, so its health stays unknown; check model, apiKey and probes.maxTokens',
      );
    }
    return true;
  }
}

function doorsOf(config: UnderstudyConfig): Map<string, Door> {
  const adapters = new Map(
    Object.entries(config.providers).map(([name, provider]) => [name, createAdapter({ name, ...provider })]),
  );
  return new Map(
    config.targets.map((target) => {
      const provider = config.providers[target.provider];
      const adapter = adapters.get(target.provider);
      if (!provider || !adapter) throw new Error(`target ${target.id} names no configured provider`);
      return [target.id, { target, provider, adapter }];
    }),
  );
}
