export type { Alert, AlertRules } from './alert.js';
export { AlertSender, type AlertDelivery, type AlertSenderOptions } from './alert-sender.js';
export { alertStateSchema, initialAlertState, type AlertState } from './alert-state.js';
export type { ChannelConfig } from './channel.js';
export { createChannels } from './create-channels.js';
export { judgeAlerts } from './judge-alerts.js';
