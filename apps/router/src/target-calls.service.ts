import { trace, type Attributes } from '@opentelemetry/api';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { ProviderConfig, TargetConfig, UnderstudyConfig } from '#libs/config';
import { type ChatChunk, type JobPayload, operationOf } from '#libs/contracts';
import { type CallOutcome, callWithSpan, createAdapter, limitsFor, type ProviderAdapter } from '#libs/providers';
import { lengthOf } from './prompt-length.js';

/** One call for one job. */
export interface TargetCall {
  job: JobPayload;
  /** Until the deadline of the job, in milliseconds. */
  leftMs: number;
  /** What is usual for the target, in milliseconds. */
  usualFirstTokenMs: number;
  signal: AbortSignal;
  /** Hears what a streamed answer says, as it is said. */
  onDelta?: ((chunk: ChatChunk) => void) | undefined;
  attributes: Attributes;
  /** What happens if the call fails; told on its span. */
  nextAction: (outcome: Extract<CallOutcome, { ok: false }>) => string;
}

/** Knows the configured targets and calls them; connections are kept per provider. */
@Injectable()
export class TargetCallsService implements OnApplicationShutdown {
  readonly #targets: ReadonlyMap<string, TargetConfig>;
  readonly #adapters: ReadonlyMap<string, ProviderAdapter>;
  readonly #tracer = trace.getTracer('understudy-router');

  constructor(private readonly config: UnderstudyConfig) {
    this.#targets = new Map(config.targets.map((target) => [target.id, target]));
    this.#adapters = new Map(
      Object.entries(config.providers).map(([name, provider]) => [name, createAdapter({ name, ...provider })]),
    );
  }

  /** Configuration of a target that is known to exist. */
  target(id: string): TargetConfig {
    const target = this.#targets.get(id);
    if (!target) throw new Error(`no target is configured as "${id}"`);
    return target;
  }

  /** Configuration of a provider that is known to exist. */
  provider(name: string): ProviderConfig {
    const provider = this.config.providers[name];
    if (!provider) throw new Error(`no provider is configured as "${name}"`);
    return provider;
  }

  /** To the first token, in milliseconds, while nothing is known of the target. */
  expectedFirstTokenMs({ expectedProbeMs }: TargetConfig): number {
    return expectedProbeMs ?? this.config.health.policy.expectedProbeMs;
  }

  /** Calls a target inside its span. Never rejects for what a provider does. */
  call(id: string, call: TargetCall): Promise<{ outcome: CallOutcome; traceparent: string }> {
    const target = this.target(id);
    const { provider, model } = target;
    const adapter = this.#adapters.get(provider);
    const { baseUrl } = this.provider(provider);
    if (!adapter) throw new Error(`no provider is configured as "${provider}"`);
    const { job, attributes, nextAction } = call;
    const about = { operation: operationOf(job), provider, model, baseUrl, attributes, nextAction };
    return callWithSpan(this.#tracer, about, () => ask(adapter, target, call));
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([...this.#adapters.values()].map((adapter) => adapter.close()));
  }
}

function ask(adapter: ProviderAdapter, target: TargetConfig, call: TargetCall): Promise<CallOutcome> {
  const { model, streaming, request: changes, embeddings } = target;
  const { job, leftMs, usualFirstTokenMs, signal, onDelta } = call;
  const limitsWith = (promptChars: number) => limitsFor(target, { usualFirstTokenMs, promptChars, leftMs });
  if (job.operation === 'embeddings') {
    const dimensions = embeddings?.dimensions;
    return adapter.embed({ model, body: job.request, limits: limitsWith(0), changes, dimensions, signal });
  }
  const { request: body } = job;
  const limits = limitsWith(lengthOf(body.messages));
  return adapter.chat({ model, body, limits, stream: streaming, changes, signal, onDelta });
}
