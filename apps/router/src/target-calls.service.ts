import { trace, type Attributes } from '@opentelemetry/api';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { ProviderConfig, TargetConfig, UnderstudyConfig } from '#libs/config';
import type { CompletionRequest } from '#libs/contracts';
import { type CallOutcome, callWithSpan, createAdapter, type ProviderAdapter } from '#libs/providers';

/** One call for one job. */
export interface TargetCall {
  request: CompletionRequest;
  timeoutMs: number;
  signal: AbortSignal;
  attributes: Attributes;
  /** What happens if the call fails; told on its span. */
  nextAction: (outcome: Extract<CallOutcome, { ok: false }>) => string;
}

/** Knows the configured targets and calls them; connections are kept per provider. */
@Injectable()
export class TargetCallsService implements OnApplicationShutdown {
  readonly #targets: ReadonlyMap<string, TargetConfig>;
  readonly #adapters: ReadonlyMap<string, ProviderAdapter>;
  readonly #providers: Readonly<Record<string, ProviderConfig>>;
  readonly #tracer = trace.getTracer('understudy-router');

  constructor(config: UnderstudyConfig) {
    this.#targets = new Map(config.targets.map((target) => [target.id, target]));
    this.#providers = config.providers;
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

  /** Calls a target inside its span. Never rejects for what a provider does. */
  call(id: string, call: TargetCall): Promise<{ outcome: CallOutcome; traceparent: string }> {
    const { provider, model } = this.target(id);
    const adapter = this.#adapters.get(provider);
    const config = this.#providers[provider];
    if (!adapter || !config) throw new Error(`no provider is configured as "${provider}"`);
    const { attributes, nextAction, timeoutMs, signal, request } = call;
    return callWithSpan(this.#tracer, { provider, model, baseUrl: config.baseUrl, attributes, nextAction }, () =>
      adapter.chat({ model, body: request, timeoutMs, signal }),
    );
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([...this.#adapters.values()].map((adapter) => adapter.close()));
  }
}
