import { type Priority, PRIORITIES } from '#libs/contracts';

/**
 * BullMQ's number for each class of urgency; the lowest is taken first. BullMQ orders waiting jobs by number × 2³² + a counter, so the
 * numbers between two classes are free places in front of the second one: jobs that were parked go on there, and aged jobs before
 * those of a more urgent class. A job without a number, which only a producer that is not ours adds, is taken before all others.
 */
export const JOB_PRIORITY: Readonly<Record<Priority, number>> = { high: 10, normal: 20, low: 30 };

/** BullMQ's number for a job's own wish. */
export const jobPriorityOf = (wish: Priority | undefined): number => JOB_PRIORITY[wish ?? 'normal'];

/** The class of a job with this number; `other` for one that is none of ours. */
export const priorityClassOf = (number: number | undefined): Priority | 'other' =>
  PRIORITIES.find((priority) => JOB_PRIORITY[priority] === number) ?? 'other';
