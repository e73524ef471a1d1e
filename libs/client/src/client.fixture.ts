import { once } from 'node:events';
import { parseEnv, redisEnv } from '#libs/config';
import { countInputs, type JobPayload, type JobResult, QUEUES, UnderstudyError } from '#libs/contracts';
import {
  type BullContext,
  BullServer,
  CompletionQueue,
  ModelCatalog,
  RejectedJobError,
  ResultStore,
} from '#libs/queue';
import { uniquePrefix } from '#libs/testing';
import { CompletionClient } from './completion-client.js';
import type { CompletionClientOptions } from './completion-options.js';

/** What a router makes of a job: its one outcome, none at all, or nothing until it is told to stop. */
type RouterConduct = 'answer' | 'fail' | 'crash' | 'hang';

/** A client on a queue of its own, and what is at the other end of that queue. */
export interface ClientUnderTest {
  redisUrl: string;
  prefix: string;
  client: CompletionClient;
  queue: CompletionQueue;
  catalog: ModelCatalog;
  /** Ids of the jobs that were worked on, one for each time. */
  worked: string[];
  /** Works the queue off as a router does: each answer echoes its job. */
  route(conduct?: RouterConduct): void;
  close(): Promise<void>;
}

export function openClient(options: CompletionClientOptions = {}): ClientUnderTest {
  const redisUrl = parseEnv(redisEnv).REDIS_URL;
  const prefix = uniquePrefix();
  const client = new CompletionClient({ redisUrl, prefix, ...options });
  const queue = new CompletionQueue({ redisUrl, prefix });
  const results = new ResultStore({ redisUrl, prefix, ttlMs: 60_000 });
  const catalog = new ModelCatalog({ redisUrl, prefix });
  const patience = { drainMs: 200, handBackMs: 200 };
  const server = new BullServer({ redisUrl, prefix, onError: () => undefined, patience });
  const worked: string[] = [];
  return {
    redisUrl,
    prefix,
    client,
    queue,
    catalog,
    worked,
    route(conduct = 'answer') {
      server.addHandler(QUEUES.completion, async (job: JobPayload, context: BullContext) => {
        const { jobId } = context;
        worked.push(jobId);
        if (conduct === 'hang') await once(context.signal, 'abort');
        if (conduct === 'crash') throw new RejectedJobError('the router stumbled');
        const error = new UnderstudyError('all_targets_failed', 'nobody is up', { jobId, retryable: true });
        const understudy = { jobId, target: 'a/m', attempts: [], queueMs: 0, totalMs: 1 };
        const result: JobResult =
          job.operation === 'embeddings'
            ? { data: vectorsFor(countInputs(job.request.input)), echo: job, understudy }
            : { choices: [{ index: 0, finish_reason: 'stop' }], echo: job, understudy };
        const answered = conduct === 'answer';
        await results.commit(
          jobId,
          answered ? { status: 'completed', result } : { status: 'failed', error: error.toJSON() },
          job.replyTo,
        );
        if (!answered) throw new RejectedJobError('all_targets_failed: nobody is up');
      });
      server.listen(() => undefined);
    },
    async close() {
      await Promise.all([client.close(), queue.close(), server.close(), results.close(), catalog.close()]);
    },
  };
}

const vectorsFor = (count: number) => Array.from({ length: count }, (_, index) => ({ index, embedding: [index, 1] }));
