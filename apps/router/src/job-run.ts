import type { JobPayload } from '#libs/contracts';
import type { BullContext, JobProgress } from '#libs/queue';
import type { CallRecord } from './call-record.js';

/** One run of one job in this router. */
export interface JobRun {
  job: JobPayload;
  context: BullContext;
  /** Where the job stood when this run began. */
  before: JobProgress;
  record: CallRecord;
  signal: AbortSignal;
}
