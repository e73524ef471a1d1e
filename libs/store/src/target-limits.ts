import { randomUUID } from 'node:crypto';
import { redisKeys } from '#libs/contracts';
import { closeRedis, connectRedis, type Redis, redisScript, whenReady } from '#libs/redis';
import { GIVE_PLACE_BACK, TAKE_PLACE } from './scripts/target-limit.js';
import { toError, type StoreOptions } from './store-options.js';

const takePlace = redisScript(TAKE_PLACE);
const givePlaceBack = redisScript(GIVE_PLACE_BACK);

const MINUTE_MS = 60_000;

/**
 * Two calls that leave a minute apart may arrive less than a minute apart, because the first was held up on its way. A place is
 * used again only this much later, so that the provider's own count is kept too.
 */
const SLACK_MS = 1_000;

/** Parts of the window that are counted apart: the finer, the sooner a place is used again, and the more there is to add up. */
const BUCKETS = 60;

/** A call whose end nobody tells is given up for lost this much after it must have ended. */
const LEASE_SLACK_MS = 5_000;

/** Redis answers within a millisecond. When it takes this long it is in trouble, and a call that hangs on it helps nobody. */
const ANSWER_WITHIN_MS = 1_000;

/** The first connection of a process is waited for; one that is lost may come back in this time, or nobody waits for it. */
const CONNECTED_WITHIN_MS = 5_000;
const BACK_WITHIN_MS = 100;

/** How often a target is asked for again while its count cannot be reached. */
const UNREACHABLE_PAUSE_MS = 500;

/** What a target allows; one that is not set does not count. */
export interface TargetLimit {
  requestsPerMinute?: number | undefined;
  tokensPerMinute?: number | undefined;
  maxInFlight?: number | undefined;
}

/** Which limit it is that left no place, or leaves the least room. `unreachable`: nobody could say whether there is one. */
export const LIMIT_KINDS = ['requests', 'tokens', 'in_flight', 'unreachable'] as const;
export type LimitKind = (typeof LIMIT_KINDS)[number];

/** A call that wants to be made. */
export interface PlaceRequest {
  /** What it may use: read and generated. */
  tokens: number;
  /** It has ended after this at the latest, in milliseconds. */
  callMs: number;
  /** In which a call under way may be expected to end, in milliseconds: when to ask again while all places are taken. */
  nextEndMs: number;
}

/** The answer. `room`: calls like this one that would find a place beside it; `waitMs`: with none, until any call may find one. */
export type PlaceAnswer = { room: number; waitMs: number; kind: LimitKind | null } & (
  | { granted: true; place: Place }
  /** `ownWaitMs`: until this call may find a place. */
  | { granted: false; ownWaitMs: number }
);

/** The right to make one call. */
export interface Place {
  /** Once, when the call has ended, with the tokens that it used; undefined: nobody knows, what was reserved stands. */
  giveBack(usedTokens?: number): void;
}

export interface TargetLimitsOptions extends StoreOptions {
  /** Length of the window in milliseconds, for tests; a provider's is a minute. */
  windowMs?: number | undefined;
  /** Is told of keys that were mended because they held what only somebody else can have written. */
  onMended?: ((keys: readonly string[]) => void) | undefined;
}

/**
 * Limits that all routers and probers keep to together: calls and tokens within any minute, calls under way. The count lies in Redis, is
 * kept by its clock, and is asked and changed in one step. A target without limits is never asked about.
 */
export class TargetLimits {
  readonly #redis: Redis;
  readonly #keys: ReturnType<typeof redisKeys>;
  readonly #windowMs: number;
  readonly #onError: ((error: Error) => void) | undefined;
  readonly #onMended: TargetLimitsOptions['onMended'];
  /** Places that are being given back. */
  readonly #ending = new Set<Promise<void>>();

  constructor({ redisUrl, prefix, onError, onMended, windowMs = MINUTE_MS }: TargetLimitsOptions) {
    this.#redis = connectRedis({ url: redisUrl, name: 'understudy:limits', patience: 'fail-fast', onError });
    this.#keys = redisKeys(prefix);
    this.#windowMs = windowMs;
    this.#onError = onError;
    this.#onMended = onMended;
  }

  /**
   * Asks for a place, for a second at most once Redis is connected. Never rejects: while nobody can say whether there is a place there is none, since a
   * limit may be a contract, and without Redis the answer could not be handed out either.
   */
  async take(target: string, limit: TargetLimit, request: PlaceRequest): Promise<PlaceAnswer> {
    try {
      await whenReady(this.#redis, CONNECTED_WITHIN_MS, BACK_WITHIN_MS);
    } catch {
      // The connection has told why.
      return UNREACHABLE;
    }
    const answer = this.#ask(target, limit, request, randomUUID()).catch((thrown: unknown) => {
      this.#onError?.(toError(thrown));
      return UNREACHABLE;
    });
    let timer: NodeJS.Timeout | undefined;
    // An answer that came while this process itself was held up is read first.
    const late = new Promise<null>(
      (resolve) => (timer = setTimeout(() => setImmediate(resolve, null), ANSWER_WITHIN_MS)),
    );
    const first = await Promise.race([answer, late]);
    clearTimeout(timer);
    if (first) return first;
    // A place that is granted too late is not used.
    void answer.then((tooLate) => tooLate.granted && tooLate.place.giveBack(0));
    return UNREACHABLE;
  }

  /** Waits until what has ended is told, and closes the connection. */
  async close(): Promise<void> {
    await Promise.all(this.#ending);
    await closeRedis(this.#redis);
  }

  async #ask(target: string, limit: TargetLimit, request: PlaceRequest, id: string): Promise<PlaceAnswer> {
    const { requestsPerMinute = 0, tokensPerMinute = 0, maxInFlight = 0 } = limit;
    const reserved = tokensPerMinute > 0 ? Math.max(1, Math.round(request.tokens)) : 0;
    const leaseMs = Math.ceil(request.callMs) + LEASE_SLACK_MS;
    const widthMs = Math.max(1, Math.floor(this.#windowMs / BUCKETS));
    const keys = [
      this.#keys.limitWindow(target, 'requests'),
      this.#keys.limitWindow(target, 'tokens'),
      this.#keys.limitInFlight(target),
    ];
    const limits = [requestsPerMinute, tokensPerMinute, maxInFlight];
    const times = [leaseMs, this.#windowMs + SLACK_MS, widthMs, Math.max(1, Math.ceil(request.nextEndMs))];
    const told = await takePlace(this.#redis, keys, [...limits, reserved, id, ...times]);
    const [granted, binding, ownWaitMs, room, waitMs, bucket, mended] = told as [
      number,
      number,
      number,
      number,
      number,
      number,
      string[],
    ];
    this.#tell(mended);
    const kind = LIMIT_KINDS[binding - 1] ?? null;
    if (granted !== 1) return { granted: false, room, waitMs, kind, ownWaitMs };
    return { granted: true, room, waitMs, kind, place: this.#place(target, id, bucket, reserved) };
  }

  #tell(mended: readonly string[]): void {
    if (mended.length > 0) this.#onMended?.(mended);
  }

  #place(target: string, id: string, bucket: number, reserved: number): Place {
    return {
      giveBack: (usedTokens) => {
        const more = reserved === 0 || usedTokens === undefined ? 0 : Math.round(usedTokens) - reserved;
        const keys = [this.#keys.limitWindow(target, 'tokens'), this.#keys.limitInFlight(target)];
        // What cannot be told now is not told: the lease ends by itself, and the window passes.
        const ending = givePlaceBack(this.#redis, keys, [id, bucket, more]).then(
          (mended) => this.#tell(mended as string[]),
          (thrown: unknown) => this.#onError?.(toError(thrown)),
        );
        this.#ending.add(ending);
        void ending.finally(() => this.#ending.delete(ending));
      },
    };
  }
}

const UNREACHABLE: PlaceAnswer = {
  granted: false,
  room: 0,
  waitMs: UNREACHABLE_PAUSE_MS,
  ownWaitMs: UNREACHABLE_PAUSE_MS,
  kind: 'unreachable',
};
