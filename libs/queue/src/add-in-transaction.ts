import { type JobsOptions, Job, type Queue, SpanKind, TelemetryAttributes } from 'bullmq';

/** A job to be added. */
export interface NewJob {
  jobId: string;
  data: unknown;
  options: JobsOptions;
}

/** A Lua script that the connection knows as a command, and what it is called with. */
interface ScriptCall {
  name: string;
  keys: readonly string[];
  args?: readonly (string | number)[];
}

/** What runs right before and right after the jobs are added, in the same transaction. */
export interface FramedJobs {
  before: ScriptCall;
  after: ScriptCall;
}

/**
 * Adds jobs as BullMQ's `addBulk` does, but in a MULTI: nobody sees some of them without the others, and a connection that breaks
 * leaves all or none.
 * @returns what the script before the jobs returned
 */
export async function addInTransaction(queue: Queue, jobs: readonly NewJob[], frame?: FramedJobs): Promise<unknown> {
  const operation = jobs.length === 1 ? 'add' : 'addBulk';
  return queue.trace(SpanKind.PRODUCER, operation, `${queue.name}.${queue.name}`, async (span, metadata) => {
    span?.setAttributes(
      jobs.length === 1
        ? { [TelemetryAttributes.JobName]: queue.name, [TelemetryAttributes.JobId]: jobs[0]?.jobId as string }
        : { [TelemetryAttributes.BulkCount]: jobs.length },
    );
    const transaction = (await queue.getBackend().client).multi();
    const call = ({ name, keys, args = [] }: ScriptCall) =>
      transaction.runCommand(name, [keys.length, ...keys, ...args]);

    if (frame) call(frame.before);
    for (const { jobId, data, options } of jobs) {
      const telemetry = metadata ? { telemetry: { metadata } } : {};
      const job = new Job(queue, queue.name, data, { ...queue.jobsOpts, ...options, ...telemetry, jobId }, jobId);
      // Not awaited by its result: the command is only written into the transaction.
      await queue.getBackend().addJobToTransaction(transaction, job.asJSON(), jobId);
    }
    if (frame) call(frame.after);

    const replies = (await transaction.exec()) ?? [];
    for (const [error] of replies) if (error) throw error;
    return replies[0]?.[1] as unknown;
  });
}
