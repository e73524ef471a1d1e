import { setTimeout as pause } from 'node:timers/promises';
import { request } from 'undici';
import type { Alert } from './alert.js';
import type { Channel } from './channel.js';

/** Messages that may wait in one channel. There is one per outage: whoever has more waiting is not being read. */
const MOST_WAITING = 100;
const TRIES = 3;

/** How a message ended. `reason` is a status or an error code, never an address: Slack's is a secret. */
export type AlertDelivery = { channel: string; alert: Alert } & (
  | { result: 'sent' }
  | { result: 'failed' | 'dropped'; reason: string }
);

export interface AlertSenderOptions {
  channels: readonly Channel[];
  /** Name of this installation, told in every message. */
  source: string;
  /** Between two tries, in milliseconds. */
  retryAfterMs: number;
  /** End of one try, in milliseconds. Default 10 s. */
  timeoutMs?: number;
  onDelivery: (delivery: AlertDelivery) => void;
}

/** Carries alerts out, in order, each channel by itself: one that hangs delays no other, and nobody waits for any. */
export class AlertSender {
  readonly #lanes: { channel: Channel; waiting: Alert[]; working: Promise<void> | null }[];
  readonly #stop = new AbortController();

  constructor(private readonly options: AlertSenderOptions) {
    this.#lanes = options.channels.map((channel) => ({ channel, waiting: [], working: null }));
  }

  /** Returns at once. Of more than can wait the oldest are dropped, and told. */
  send(alerts: readonly Alert[]): void {
    for (const lane of this.#lanes) {
      lane.waiting.push(...alerts);
      for (const alert of lane.waiting.splice(0, Math.max(0, lane.waiting.length - MOST_WAITING)))
        this.#tell({ channel: lane.channel.name, alert, result: 'dropped', reason: 'too many wait' });
      if (lane.waiting.length > 0) lane.working ??= this.#work(lane);
    }
  }

  /** Lets tries in hand end for at most `graceMs`; what is left then is dropped, and told. */
  async close(graceMs = 2_000): Promise<void> {
    const timer = setTimeout(() => this.#stop.abort(), graceMs);
    await Promise.all(this.#lanes.flatMap(({ working }) => working ?? []));
    clearTimeout(timer);
  }

  async #work(lane: { channel: Channel; waiting: Alert[]; working: Promise<void> | null }): Promise<void> {
    for (let alert = lane.waiting.shift(); alert; alert = lane.waiting.shift())
      this.#tell({ channel: lane.channel.name, alert, ...(await this.#deliver(lane.channel, alert)) });
    lane.working = null;
  }

  async #deliver(channel: Channel, alert: Alert) {
    let reason = 'stopped';
    for (let i = 1; i <= TRIES && !this.#stop.signal.aborted; i++) {
      const failure = await this.#try(channel, alert);
      if (failure === null) return { result: 'sent' } as const;
      reason = failure.reason;
      if (!failure.mayPass || i === TRIES) break;
      await pause(this.options.retryAfterMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    }
    return { result: this.#stop.signal.aborted ? 'dropped' : 'failed', reason } as const;
  }

  /** Null when the message was taken. */
  async #try(channel: Channel, alert: Alert): Promise<{ reason: string; mayPass: boolean } | null> {
    // A timer of our own: Node may collect a signal of AbortSignal.timeout that only another signal follows.
    const attempt = new AbortController();
    const end = () => attempt.abort();
    const timer = setTimeout(end, this.options.timeoutMs ?? 10_000);
    this.#stop.signal.addEventListener('abort', end, { once: true });
    if (this.#stop.signal.aborted) end();
    try {
      const { url, headers, body } = channel.requestFor(alert, this.options.source, Date.now());
      const response = await request(url, { method: 'POST', headers, body, signal: attempt.signal });
      await response.body.dump();
      const { statusCode } = response;
      if (statusCode >= 200 && statusCode < 300) return null;
      return { reason: String(statusCode), mayPass: statusCode === 429 || statusCode >= 500 };
    } catch (error) {
      const { code, name } = error as NodeJS.ErrnoException;
      return { reason: String(code ?? name), mayPass: true };
    } finally {
      clearTimeout(timer);
      this.#stop.signal.removeEventListener('abort', end);
    }
  }

  #tell(delivery: AlertDelivery): void {
    this.options.onDelivery(delivery);
  }
}
