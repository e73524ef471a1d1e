import type { JobPayload } from '#libs/contracts';
import { type AddedJob, type CompletionQueue, identityOf, type JobToAdd } from '#libs/queue/producer';
import type { Admission } from './admission.js';
import { atPlace, checkJob, checkJobs, type OwnFields } from './check-job.js';
import type { EmbeddingsOptions, EnqueueOptions, JobRequest } from './completion-options.js';
import type { KnownModels } from './known-models.js';

/** How a request becomes a job in the queue: checked, known by a model, let in, added. */
export class JobIntake {
  constructor(
    private readonly queue: CompletionQueue,
    private readonly models: KnownModels,
    private readonly admission: Admission,
    private readonly maxRequestBytes: number,
  ) {}

  /** @throws UnderstudyError `invalid_request` (names the field), `payload_too_large`, `unknown_model`, `queue_unavailable` */
  async prepare(request: unknown, options: EnqueueOptions | EmbeddingsOptions, own: OwnFields = {}): Promise<JobToAdd> {
    const { job } = checkJob(request, options, own, this.maxRequestBytes);
    await this.models.check(job.request.model);
    return identified(job);
  }

  /** @throws UnderstudyError what `prepare` throws, with the place in the list */
  async prepareMany(requests: readonly JobRequest[]): Promise<JobToAdd[]> {
    const jobs = checkJobs(requests, this.maxRequestBytes);
    for (const [i, { request }] of jobs.entries())
      await this.models.check(request.model).catch((error: unknown) => {
        throw atPlace(i, error);
      });
    return jobs.map(identified);
  }

  /**
   * @returns false when the job was there before
   * @throws UnderstudyError `idempotency_conflict`, `queue_full`, `queue_unavailable`
   */
  async add(job: JobToAdd): Promise<boolean> {
    const [added] = await this.#addAll([job], () => 'idempotencyKey');
    return added?.isNew ?? false;
  }

  /** All of them, or none. @throws UnderstudyError what `add` throws, with the place in the list */
  addMany(jobs: readonly JobToAdd[]): Promise<AddedJob[]> {
    return this.#addAll(jobs, (i) => `[${i}].idempotencyKey`);
  }

  async #addAll(jobs: readonly JobToAdd[], fieldOf: (index: number) => string): Promise<AddedJob[]> {
    await this.admission.check(jobs.map(({ identity }) => identity));
    return this.queue.addAll(jobs, fieldOf);
  }
}

const identified = (job: JobPayload): JobToAdd => ({ job, identity: identityOf(job) });
