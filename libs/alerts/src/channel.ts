import type { Alert } from './alert.js';

/** One message on its way out. */
export interface AlertRequest {
  url: string;
  headers: Record<string, string>;
  body: string;
}

/** Where alerts go. */
export interface Channel {
  /** For logs and metrics; holds no secret. */
  readonly name: string;
  /**
   * @param source name of this installation
   * @param now of this try, epoch milliseconds
   */
  requestFor(alert: Alert, source: string, now: number): AlertRequest;
}

/** Where alerts go, as configured. */
export type ChannelConfig =
  | { kind: 'pagerduty'; routingKey: string; url: string }
  | { kind: 'slack'; url: string }
  | { kind: 'webhook'; url: string; secret?: string | undefined };

/** Epoch milliseconds as RFC 3339. */
export const timeOf = (at: number): string => new Date(at).toISOString();
