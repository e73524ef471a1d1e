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
}

const targetFault: FailureConsequence = { health: 'failure', failover: true, transient: true };
/** The account or the model is unusable until somebody changes something; other targets may still answer. */
const targetUnusable: FailureConsequence = { health: 'disable', failover: true, transient: false };
/** The request itself is the reason: asking elsewhere would give the same answer, and nobody is to blame. */
const callerFault: FailureConsequence = { health: 'none', failover: false, transient: false };

const CONSEQUENCES: Record<FailureClass, FailureConsequence> = {
  rate_limited: { health: 'throttle', failover: true, transient: true },
  quota: targetUnusable,
  auth: targetUnusable,
  model_gone: targetUnusable,
  region: targetUnusable,
  overloaded: targetFault,
  server_error: targetFault,
  timeout: targetFault,
  connection: targetFault,
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
  shutdown: { health: 'none', failover: false, transient: true },
};

/** Every failure class, in the order of the type. */
export const FAILURE_CLASSES = Object.keys(CONSEQUENCES) as [FailureClass, ...FailureClass[]];

/** What `failure` means for health and for the job. */
export function consequenceOf(failure: FailureClass): FailureConsequence {
  return CONSEQUENCES[failure];
}

/** Whether this is one of the words above; what arrives from another process may be anything. */
export const isFailureClass = (word: string): word is FailureClass => Object.hasOwn(CONSEQUENCES, word);
