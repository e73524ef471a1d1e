import { SpanStatusCode, trace } from '@opentelemetry/api';
import type { UnderstudyConfig } from '#libs/config';
import { ATTR, type ProbeJob } from '#libs/contracts';
import type { Logger } from '#libs/telemetry';
import type { FleetClock } from '#libs/redis';
import type { ProbePace } from './probe-pace.js';
import { probeDueAt, slotAt, slotIsOver, slotStart } from './probe-slot.js';

/** How soon a ping that could not be enqueued is tried again, as long as its slot lasts. */
const RETRY_MS = 500;

/** How many of its usual intervals a ping stays known, so that a prober that is late does not make it again. */
const INTERVALS_REMEMBERED = 3;

/** Where pings are put: adding the one of a target and slot a second time changes nothing. */
export interface ProbeSink {
  add(probe: ProbeJob, options: { delayMs: number; rememberMs: number }): Promise<void>;
}

/** A ping that was added, or is waited for. */
interface PlannedPing {
  slot: number;
  intervalMs: number;
}

/**
 * Enqueues one ping per target and slot. Every prober does so for every slot, at the same moment by Redis' clock, and the queue
 * keeps one: no prober leads, so none is missed when it dies.
 */
export class ProbeScheduleService {
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #planned = new Map<string, PlannedPing>();
  readonly #lastAdded = new Map<string, PlannedPing>();
  readonly #tracer = trace.getTracer('prober');
  /** Targets that have had a ping of a slot that began after our start. */
  readonly #asked = new Set<string>();
  #startedAt = 0;
  #stopped = false;
  #failing = false;

  constructor(
    private readonly config: UnderstudyConfig,
    private readonly clock: FleetClock,
    private readonly queue: ProbeSink,
    private readonly logger: Logger,
    private readonly pace: ProbePace,
  ) {}

  /** Begins; the clock must be set. A target whose current slot has had no ping gets it now. */
  start(): void {
    this.#startedAt = this.clock.now();
    for (const { id } of this.config.targets) this.#plan(id);
    this.pace.onChange(() => this.#followPace());
  }

  /** Enqueues nothing any more. */
  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  /** A target that is to be pinged at another interval than before is planned anew. */
  #followPace(): void {
    for (const [target, { intervalMs }] of this.#planned)
      if (this.#intervalMs(target) !== intervalMs) this.#plan(target);
  }

  /**
   * Never slower than configured at first: we may have been started because somebody has changed a refused key, so nobody is to wait for
   * the next of its slots. The slot under way is not enough, for another prober may have made its ping with the old key.
   */
  #intervalMs(target: string): number {
    const pacedMs = this.pace.intervalMs(target);
    return this.#asked.has(target) ? pacedMs : Math.min(pacedMs, this.config.probes.intervalMs);
  }

  /** Waits for the first slot whose ping this prober has not added. Slots that were slept through are left out. */
  #plan(target: string, notBeforeMs = 0): void {
    clearTimeout(this.#timers.get(target));
    if (this.#stopped) return;
    const now = this.clock.now();
    const intervalMs = this.#intervalMs(target);
    const slot = this.#nextSlot(target, now, intervalMs);
    const dueAt = probeDueAt(target, slot, { intervalMs, jitter: this.config.probes.jitter });
    this.#planned.set(target, { slot, intervalMs });
    this.#timers.set(
      target,
      setTimeout(() => void this.#enqueue(target, { slot, intervalMs }), Math.max(dueAt - now, notBeforeMs)),
    );
  }

  #nextSlot(target: string, now: number, intervalMs: number): number {
    const current = slotAt(target, now, intervalMs);
    const last = this.#lastAdded.get(target);
    if (!last) return current;
    if (last.intervalMs === intervalMs) return Math.max(current, last.slot + 1);
    // Faster than before: the news is wanted at once. Slower: the last ping was a moment ago, so the current slot has its news.
    return intervalMs < last.intervalMs ? current : current + 1;
  }

  async #enqueue(target: string, ping: PlannedPing): Promise<void> {
    if (slotIsOver(target, ping.slot, this.clock.now(), ping.intervalMs)) return this.#plan(target);
    try {
      await this.#addInSpan({ target, ...ping });
      this.#lastAdded.set(target, ping);
      if (slotStart(target, ping.slot, ping.intervalMs) >= this.#startedAt) this.#asked.add(target);
      this.#tellRecovery();
      this.#plan(target);
    } catch (error) {
      this.#tellFailure(error);
      this.#plan(target, RETRY_MS);
    }
  }

  /** Each ping is a trace of its own, whatever happened to run when its timer fired. */
  async #addInSpan(probe: ProbeJob): Promise<void> {
    const attributes = { [ATTR.trafficType]: 'probe', [ATTR.healthTarget]: probe.target };
    await this.#tracer.startActiveSpan('schedule probe', { root: true, attributes }, async (span) => {
      try {
        const rememberMs = INTERVALS_REMEMBERED * this.config.probes.intervalMs;
        await this.queue.add(probe, { delayMs: 0, rememberMs });
      } catch (error) {
        span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) });
        throw error;
      } finally {
        span.end();
      }
    });
  }

  /** One line per outage, not one per ping. */
  #tellFailure(error: unknown): void {
    if (!this.#failing)
      this.logger.warn({ event: 'probe.schedule_stalled', err: error }, 'pings cannot be enqueued; trying again');
    this.#failing = true;
  }

  #tellRecovery(): void {
    if (this.#failing) this.logger.info({ event: 'probe.schedule_resumed' }, 'pings are enqueued again');
    this.#failing = false;
  }
}
