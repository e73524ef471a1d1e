import { type ProbeJob, QUEUES } from '#libs/contracts';
import { redisTimeMs } from '#libs/redis';
import type { Telemetry } from 'bullmq';
import { ProducerQueue } from './producer-queue.js';
import type { QueueLocation } from './queue-access.js';

/** A finished ping stays known for this many intervals, so that a prober that is late does not make it again. */
const INTERVALS_REMEMBERED = 3;

/** The adding side of the ping queue. */
export class ProbeQueue {
  readonly #queue: ProducerQueue;

  constructor(options: QueueLocation & { telemetry?: Telemetry | undefined }) {
    // One attempt: a ping that could not be made now is of no use later, the next slot brings another.
    this.#queue = new ProducerQueue(QUEUES.probe, { ...options, jobDefaults: { attempts: 1 } });
  }

  /**
   * Adds the ping of one target and slot, to be made after `delayMs`. Any number of probers may add the same one: it
   * is made once. Its slot is remembered for three intervals, or for `rememberMs` if that is longer: when targets are pinged at
   * different intervals, the shortest would otherwise clear away what is known of the slots of all others.
   * @throws UnderstudyError `queue_unavailable` within a second when Redis is away
   */
  async add(probe: ProbeJob, { delayMs, rememberMs = 0 }: { delayMs: number; rememberMs?: number }): Promise<void> {
    const rememberedMs = Math.max(INTERVALS_REMEMBERED * probe.intervalMs, rememberMs);
    const age = Math.ceil((rememberedMs + delayMs) / 1_000) + 1;
    await this.#queue.add(probe, {
      // A target's name may hold a colon, which BullMQ does not allow in an id.
      jobId: `${encodeURIComponent(probe.target)}@${probe.slot}`,
      delay: Math.max(0, Math.round(delayMs)),
      removeOnComplete: { age },
      removeOnFail: { age },
    });
  }

  /** How many pings are in which state: `waiting`, `active`, `delayed`, `failed`, … */
  counts(): Promise<Record<string, number>> {
    return this.#queue.run((queue) => queue.getJobCounts());
  }

  /**
   * The time of Redis, epoch milliseconds: the one clock that all probers share.
   * @throws UnderstudyError `queue_unavailable` within a second when Redis is away
   */
  timeMs(): Promise<number> {
    return this.#queue.run(() => redisTimeMs(this.#queue.redis, this.#queue.jobKey('id')));
  }

  /** Lets go of the connection. */
  close(): Promise<void> {
    return this.#queue.close();
  }
}
