import { DEFAULT_PREFIX, jobOutcomeSchema, redisKeys } from '#libs/contracts';
import { closeRedis, connectRedis } from '#libs/redis';
import { z } from 'zod';
import type { Ledger, SeenOutcome } from './ledger.js';

/** Results read in one round trip. */
const BATCH = 500;
const LOOK_EVERY_MS = 250;
const commitSchema = z.looseObject({ commit: z.string() });

/** Reads the final words of jobs straight from Redis, so that what is judged is what is stored. */
export class OutcomeWatch {
  readonly #redis;
  readonly #keys = redisKeys(DEFAULT_PREFIX);

  constructor(
    redisUrl: string,
    private readonly ledger: Ledger,
  ) {
    this.#redis = connectRedis({ url: redisUrl, name: 'soak', patience: 'patient' });
  }

  /** Looks until every job that was handed in has a final word and `isDone` says so, or `signal` aborts. */
  async run(isDone: () => boolean, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !(isDone() && this.ledger.pending.length === 0)) {
      await this.#look(this.ledger.pending);
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  /** Reads every final word once more: none may have changed. */
  lookAgain(): Promise<void> {
    return this.#look(this.ledger.all);
  }

  close(): Promise<void> {
    return closeRedis(this.#redis);
  }

  async #look(jobIds: readonly string[]): Promise<void> {
    for (let i = 0; i < jobIds.length; i += BATCH) {
      const batch = jobIds.slice(i, i + BATCH);
      const texts = await this.#redis.mget(batch.map((id) => this.#keys.result(id)));
      const now = Date.now();
      for (const [n, text] of texts.entries())
        if (text !== null) this.ledger.saw(batch[n] as string, readOutcome(text), now);
    }
  }
}

function readOutcome(text: string): SeenOutcome {
  const value: unknown = JSON.parse(text);
  const { commit } = commitSchema.parse(value);
  const outcome = jobOutcomeSchema.parse(value);
  const { attempts } = outcome.status === 'completed' ? outcome.result.understudy : outcome.error;
  return {
    commit,
    status: outcome.status,
    code: outcome.status === 'failed' ? outcome.error.code : undefined,
    attempts: attempts.at(-1)?.number ?? 0,
    lostCalls: attempts.filter((attempt) => attempt.outcome === 'lost').length,
  };
}
