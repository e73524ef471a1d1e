import { SpanKind, trace, type Span } from '@opentelemetry/api';
import { ATTR, SPAN_EVENT, type ModelListing } from '#libs/contracts';
import { abortAs, createAdapter, markFailed, summaryOf, type FailedCall } from '#libs/providers';
import type { FleetClock } from '#libs/redis';
import type { ModelListings } from '#libs/store';
import type { Logger, ModelListMetrics } from '#libs/telemetry';
import type { AskedProvider, KeepListing } from './asked-provider.js';
import { learn, type ModelChange } from './model-news.js';
import { dayOf } from './shutdown-date.js';

const LIST_LIMITS = { connectMs: 5_000, firstTokenMs: 30_000, idleMs: 30_000, totalMs: 30_000 };

/** Many servers have no list of models, and nothing is wrong with them. */
const NO_LIST = [404, 405, 501];

/** Asks providers which models they have, and tells what has changed. Health and routing hear nothing of it: a list proves nothing. */
export class ModelListService {
  readonly #tracer = trace.getTracer('prober');
  readonly #stop = new AbortController();

  constructor(
    private readonly listings: Pick<ModelListings, 'read'>,
    private readonly clock: FleetClock,
    private readonly metrics: ModelListMetrics,
    private readonly logger: Logger,
  ) {}

  /**
   * One question to one provider. Whatever it answers, what is known afterwards is stored before it is told.
   * @throws what `keep` throws, and what ioredis throws while Redis is away
   */
  async ask(asked: AskedProvider, keep: KeepListing): Promise<void> {
    const { name, provider, targets } = asked;
    const attributes = {
      [ATTR.trafficType]: 'probe',
      [ATTR.genAiProvider]: name,
      [ATTR.httpMethod]: 'GET',
      [ATTR.serverAddress]: new URL(provider.baseUrl).hostname,
    };
    const [before = null] = await this.listings.read([name]);
    await this.#tracer.startActiveSpan(
      'list models',
      { root: true, kind: SpanKind.CLIENT, attributes },
      async (span) => {
        try {
          const outcome = await this.#list(asked);
          // Cut by our own stop: another prober asks.
          if (!outcome.ok && outcome.failure === 'shutdown') return;
          const { listing, changes } = learn(before, outcome, targets, this.clock.now());
          await keep(listing);
          this.metrics.asked(name, outcome.ok ? (listing.failure === null ? 'good' : 'empty') : 'failed');
          if (!outcome.ok) markFailed(span, outcome);
          if (listing.failure !== null && listing.failure !== before?.failure)
            this.#tellFailure(name, listing, outcome.ok ? undefined : outcome);
          for (const change of changes) this.#tellChange(span, change);
        } finally {
          span.end();
        }
      },
    );
  }

  /** Cuts the calls in hand. */
  stop(): void {
    this.#stop.abort();
  }

  /** A connection of its own: it is used once a day. */
  async #list({ name, provider }: AskedProvider) {
    const adapter = createAdapter({ name, ...provider });
    try {
      const signal = abortAs(this.#stop.signal, () => 'shutdown');
      return await adapter.listModels({ limits: LIST_LIMITS, signal });
    } finally {
      await adapter.close();
    }
  }

  /** Once, until it is another failure or none. */
  #tellFailure(provider: string, { failure }: ModelListing, call: FailedCall | undefined): void {
    const fields = { event: 'llm.model.list_failed', provider, failure, http_status: call?.httpStatus };
    const text = `${provider} gives no list of models (${call ? `${summaryOf(call)}: ${call.message}` : 'it is empty'}); nothing follows from that`;
    if (!call || NO_LIST.includes(call.httpStatus ?? 0)) this.logger.debug(fields, text);
    else this.logger.warn(fields, text);
  }

  #tellChange(span: Span, { target, model, listed, shutdownAt, isBad, text }: ModelChange): void {
    const date = shutdownAt === null ? null : dayOf(shutdownAt);
    span.addEvent(SPAN_EVENT.modelChange, {
      [ATTR.healthTarget]: target,
      [ATTR.modelListed]: listed,
      ...(date !== null && { [ATTR.modelShutdownDate]: date }),
    });
    const fields = { event: SPAN_EVENT.modelChange, target, model, listed, shutdown_date: date };
    if (isBad) this.logger.warn(fields, `${target}: ${text}`);
    else this.logger.info(fields, `${target}: ${text}`);
  }
}
