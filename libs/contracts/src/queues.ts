/**
 * The queues of the system. A queue's name is also the message pattern of its handler.
 * No dots (telemetry cuts names at them) and no colons (BullMQ uses them in keys).
 */
export const QUEUES = {
  /** Completion jobs: client → router. Payload: CompletionJob. */
  completion: 'completion',
  /** Ping jobs: prober → prober. Payload: ProbeJob. */
  probe: 'probe',
} as const;

export type QueueName = (typeof QUEUES)[keyof typeof QUEUES];
