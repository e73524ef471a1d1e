import { QueueKeys } from 'bullmq';

/** BullMQ keeps its own data beside the jobs, in keys that end with these words. */
export const RESERVED_IDS: readonly string[] = Object.keys(new QueueKeys('').getKeys(''));

/** Whether what lies under this id is the queue's own: taken for a job, it would be broken or removed. */
export const isReservedId = (jobId: string): boolean => RESERVED_IDS.includes(jobId);
