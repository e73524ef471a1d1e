/**
 * Why a call to a provider did not give a whole answer. One word per cause; adapters translate statuses, bodies and
 * socket errors into these, and everything that decides (health, retry, failover, waiting) switches on them.
 */
export type FailureClass =
  | 'rate_limited'
  | 'quota'
  | 'auth'
  | 'model_gone'
  | 'region'
  | 'overloaded'
  | 'server_error'
  | 'timeout'
  | 'connection'
  | 'dns_tls'
  | 'bad_response'
  | 'stream_broken'
  | 'context_length'
  | 'unsupported_param'
  | 'content_filter'
  | 'too_large'
  | 'bad_request'
  | 'cancelled'
  | 'shutdown';

/** The failures after which a target cannot work until somebody changes a key, a bill or the configuration. */
export type DisablingFailure = Extract<FailureClass, 'quota' | 'auth' | 'model_gone' | 'region'>;

/**
 * Whom a failure concerns beside the call: `target` the model at this provider, `key` all targets that are reached with the same key
 * or account.
 */
export type FailureScope = 'target' | 'key';

/** One more call to the target that failed, within the same pass over the targets. */
export interface SameTargetRetry {
  /**
   * `unanswered`: where the connection was dropped before anything came back, as the other end does with one that it kept
   * open for too long. `alone`: where no other target is well.
   */
  when: 'unanswered' | 'alone';
  /** Shortest and longest pause before it, in milliseconds. */
  afterMs: readonly [shortest: number, longest: number];
}

/** What a failure class means for the target's health, and for the job that met it. */
export interface FailureConsequence {
  /**
   * `failure` counts against the target; `disable` takes it out at once, because it cannot work until somebody changes
   * something; `throttle` says that it is alive but busy; `none` says nothing about it.
   */
  health: 'failure' | 'disable' | 'throttle' | 'none';
  /** Whether another target may be asked instead. */
  failover: boolean;
  /** Whether the job could still be answered later by the same set of targets. */
  transient: boolean;
  /** Whether the same target may be asked once more in this pass; null: never. */
  sameTarget: SameTargetRetry | null;
}

const targetFault: FailureConsequence = { health: 'failure', failover: true, transient: true, sameTarget: null };
/** The account or the model is unusable until somebody changes something; other targets may still answer. */
const targetUnusable: FailureConsequence = { health: 'disable', failover: true, transient: false, sameTarget: null };
/** The request itself is the reason: asking elsewhere would give the same answer, and nobody is to blame. */
const callerFault: FailureConsequence = { health: 'none', failover: false, transient: false, sameTarget: null };

const CONSEQUENCES: Record<FailureClass, FailureConsequence> = {
  rate_limited: { health: 'throttle', failover: true, transient: true, sameTarget: null },
  quota: targetUnusable,
  auth: targetUnusable,
  model_gone: targetUnusable,
  region: targetUnusable,
  overloaded: targetFault,
  // A stumble is often over at once; a wait spreads the calls of those who stumbled together.
  server_error: { ...targetFault, sameTarget: { when: 'alone', afterMs: [100, 500] } },
  timeout: targetFault,
  connection: { ...targetFault, sameTarget: { when: 'unanswered', afterMs: [0, 0] } },
  dns_tls: targetFault,
  bad_response: targetFault,
  stream_broken: targetFault,
  context_length: callerFault,
  unsupported_param: callerFault,
  content_filter: callerFault,
  too_large: callerFault,
  bad_request: callerFault,
  cancelled: callerFault,
  // Our own restart: the job goes back to the queue, and the target is not judged by it.
  shutdown: { health: 'none', failover: false, transient: true, sameTarget: null },
};

/** Every failure class, in the order of the type. */
export const FAILURE_CLASSES = Object.keys(CONSEQUENCES) as [FailureClass, ...FailureClass[]];

/** What `failure` means for health and for the job. */
export function consequenceOf(failure: FailureClass): FailureConsequence {
  return CONSEQUENCES[failure];
}

/** Whether a target found fault with the request: it would again, however long one waits. */
export function isRequestFault(failure: FailureClass): boolean {
  const { failover, transient } = CONSEQUENCES[failure];
  return !failover && !transient && failure !== 'cancelled';
}

/** Whether this is one of the words above; what arrives from another process may be anything. */
export const isFailureClass = (word: string): word is FailureClass => Object.hasOwn(CONSEQUENCES, word);
