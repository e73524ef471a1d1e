import type { Channel, ChannelConfig } from './channel.js';
import { pagerDuty } from './pagerduty.js';
import { slack } from './slack.js';
import { webhook } from './webhook.js';

/** A channel for each entry of the configuration, named by its kind and place: `slack[1]`. */
export function createChannels(configs: readonly ChannelConfig[]): Channel[] {
  return configs.map((config, i) => {
    const name = `${config.kind}[${i}]`;
    switch (config.kind) {
      case 'pagerduty':
        return pagerDuty(name, config);
      case 'slack':
        return slack(name, config);
      case 'webhook':
        return webhook(name, config);
    }
  });
}
