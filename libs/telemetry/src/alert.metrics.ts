import { Counter, type Registry } from 'prom-client';

/** What became of alerts on their way to people. */
export class AlertMetrics {
  private readonly deliveries: Counter<'channel' | 'result'>;

  /** @param channels names, without secrets */
  constructor(registry: Registry, channels: readonly string[]) {
    this.deliveries = new Counter({
      name: 'ai_alert_deliveries_total',
      help: 'Alert messages, by channel and result (sent, failed, dropped)',
      labelNames: ['channel', 'result'],
      registers: [registry],
    });
    for (const channel of channels)
      for (const result of ['sent', 'failed', 'dropped']) this.deliveries.inc({ channel, result }, 0);
  }

  /** A message has been taken, or given up. */
  delivered(channel: string, result: 'sent' | 'failed' | 'dropped'): void {
    this.deliveries.inc({ channel, result });
  }
}
