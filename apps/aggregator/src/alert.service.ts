import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { AlertSender, createChannels, type Alert, type AlertDelivery, type ChannelConfig } from '#libs/alerts';
import type { UnderstudyConfig } from '#libs/config';
import { LOGGER } from '#libs/service';
import { AlertMetrics, type Logger } from '#libs/telemetry';
import { AGGREGATOR_CONFIG } from './aggregator.tokens.js';

/** Injection token of the name of this installation, told in every alert: its Redis prefix without the braces. */
export const ALERT_SOURCE = Symbol('ALERT_SOURCE');

/** The names by which logs and metrics know the configured channels. */
export const channelNames = (configs: readonly ChannelConfig[]): string[] =>
  createChannels(configs).map(({ name }) => name);

/** Tells people, by log and by every configured channel. Nothing waits for it. */
@Injectable()
export class AlertService implements OnModuleDestroy {
  readonly #sender: AlertSender;

  constructor(
    @Inject(AGGREGATOR_CONFIG) config: UnderstudyConfig,
    @Inject(ALERT_SOURCE) source: string,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly metrics: AlertMetrics,
  ) {
    this.#sender = new AlertSender({
      channels: createChannels(config.alerts),
      source,
      retryAfterMs: config.alertRules.retryAfterMs,
      onDelivery: (delivery) => this.#tellDelivery(delivery),
    });
  }

  send(alerts: readonly Alert[]): void {
    for (const { key, status, severity, summary } of alerts)
      this.logger.warn(
        { event: 'llm.alert', key, status, severity },
        status === 'resolved' ? `alert resolved, this is over: ${summary}` : `alert: ${summary}`,
      );
    this.#sender.send(alerts);
  }

  async onModuleDestroy(): Promise<void> {
    await this.#sender.close();
  }

  #tellDelivery(delivery: AlertDelivery): void {
    const { channel, alert, result } = delivery;
    this.metrics.delivered(channel, result);
    if (delivery.result === 'sent') return;
    const { reason } = delivery;
    this.logger.error(
      { event: 'llm.alert.undelivered', channel, key: alert.key, result, reason },
      `the alert ${alert.key} (${alert.status}) was not taken by ${channel}: ${reason}`,
    );
  }
}
