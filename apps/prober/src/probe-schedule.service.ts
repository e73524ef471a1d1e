import { SpanStatusCode, trace } from '@opentelemetry/api';
import type { UnderstudyConfig } from '#libs/config';
import { ATTR, type ProbeJob } from '#libs/contracts';
import type { Logger } from '#libs/telemetry';
import type { FleetClock } from './fleet-clock.js';
import { probeDueAt, slotAt, slotIsOver, type ProbeRhythm } from './probe-slot.js';

/** How soon a ping that could not be enqueued is tried again, as long as its slot lasts. */
const RETRY_MS = 500;

/** Where pings are put: adding the one of a target and slot a second time changes nothing. */
export interface ProbeSink {
  add(probe: ProbeJob, options: { delayMs: number }): Promise<void>;
}

/**
 * Enqueues one ping per target and slot. Every prober does so for every slot, at the same moment by Redis' clock, and the queue
 * keeps one: no prober leads, so none is missed when it dies.
 */
export class ProbeScheduleService {
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #lastAdded = new Map<string, number>();
  readonly #tracer = trace.getTracer('prober');
  readonly #rhythm: ProbeRhythm;
  #stopped = false;
  #failing = false;

  constructor(
    private readonly config: UnderstudyConfig,
    private readonly clock: FleetClock,
    private readonly queue: ProbeSink,
    private readonly logger: Logger,
  ) {
    this.#rhythm = config.probes;
  }

  /** Begins; the clock must be set. A target whose current slot has had no ping gets it now. */
  start(): void {
    for (const { id } of this.config.targets) this.#plan(id);
  }

  /** Enqueues nothing any more. */
  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  /** Waits for the first slot whose ping this prober has not added. Slots that were slept through are left out. */
  #plan(target: string, notBeforeMs = 0): void {
    if (this.#stopped) return;
    const now = this.clock.now();
    const slot = Math.max(slotAt(target, now, this.#rhythm.intervalMs), (this.#lastAdded.get(target) ?? -1) + 1);
    const waitMs = Math.max(probeDueAt(target, slot, this.#rhythm) - now, notBeforeMs);
    this.#timers.set(
      target,
      setTimeout(() => void this.#enqueue(target, slot), waitMs),
    );
  }

  async #enqueue(target: string, slot: number): Promise<void> {
    const { intervalMs } = this.#rhythm;
    if (slotIsOver(target, slot, this.clock.now(), intervalMs)) return this.#plan(target);
    try {
      await this.#addInSpan({ target, slot, intervalMs });
      this.#lastAdded.set(target, slot);
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
        await this.queue.add(probe, { delayMs: 0 });
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
