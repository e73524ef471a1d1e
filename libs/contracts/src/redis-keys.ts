/**
 * Every key that Understudy uses in Redis. `prefix` must be one hash tag, `{…}`, so that all keys of an installation lie on the
 * same node of a cluster: some scripts touch several of them.
 */
export function redisKeys(prefix: string) {
  return {
    // --- queue (owner: libs/queue) ---
    /** BullMQ's own keys lie under `<prefix>:<queue>:…`. */
    bullPrefix: prefix,
    /** A job's hash by its id, or a list or set of a queue by its name (`wait`, `failed`, …); owner: BullMQ. */
    bull: (queue: string, name: string) => `${prefix}:${queue}:${name}`,
    /** string, JSON JobOutcome; TTL `jobs.resultTtlMs`. Written once, by the router that committed first or by whoever cancelled the job. */
    result: (jobId: string) => `${prefix}:result:${jobId}`,
    /** pub/sub channel on which the process `clientId` hears that its jobs are done. Payload: the job's id. */
    reply: (clientId: string) => `${prefix}:reply:${clientId}`,
    /** string, JSON list of models that routers serve; no TTL. Written by routers at start. */
    catalog: `${prefix}:catalog`,
    /** string, milliseconds: for how long the routers keep results (`jobs.resultTtlMs`), for who cancels a job; no TTL. Written by routers with the catalog. */
    resultTtl: `${prefix}:result-ttl`,

    /** string, fingerprint of the request that an idempotency key stands for, by the job's id; TTL covers the job's deadline and its result. Written with the job by whoever adds it. */
    fingerprint: (jobId: string) => `${prefix}:fingerprint:${jobId}`,
    /**
     * stream of what a job's answer says while it is made; bounded in length, TTL a quarter of an hour, ten minutes after its end. Written by the router
     * that works on the job. Also the name of a pub/sub channel: a message says that there is more to read, its content nothing.
     */
    chunks: (jobId: string) => `${prefix}:chunks:${jobId}`,
    /** zset of ids of jobs that were cancelled lately, by the time of Redis; trimmed to the last ten minutes, which are its TTL too. Written by whoever cancels. */
    cancelled: `${prefix}:cancelled`,
    /** pub/sub channel on which routers hear of cancelled jobs. Payload: the job's id. */
    cancel: `${prefix}:cancel`,
    /** hash: what each group of parked jobs waits for, JSON by the group's name. */
    parkedGroups: `${prefix}:parked`,
    /** zset of the ids of a group's parked jobs, in the order in which they are to go on. */
    parked: (group: string) => `${prefix}:parked:${group}`,
    /** string: a job of this group was let go and found nobody; no other is let go while this lives, for less than a second. */
    parkedHold: (group: string) => `${prefix}:parked:${group}:hold`,
    /** string: who moves aged jobs forward at present; TTL is its pace. */
    aging: `${prefix}:aging`,
    /** hash: calls or tokens of one target by second of the time of Redis; TTL a little over a minute. */
    limitWindow: (target: string, kind: 'requests' | 'tokens') => `${prefix}:limit:${target}:${kind}`,
    /** zset: calls under way to one target, by the time at which each is given up for lost. */
    limitInFlight: (target: string) => `${prefix}:limit:${target}:in-flight`,

    /** string, written every few seconds by every process to see whether it can; TTL a minute. */
    check: `${prefix}:check`,

    // --- health (owner: libs/store, written by the leading aggregator) ---
    /** stream of observations, trimmed to about 20,000 entries. Written by routers and probers; how far it was read is in `healthState`. */
    observations: `${prefix}:observations`,
    /** hash: what is known of one target; no TTL. */
    health: (target: string) => `${prefix}:health:${target}`,
    /** string, JSON HealthSnapshot; no TTL, so that a router finds the last one when no aggregator lives. */
    snapshot: `${prefix}:snapshot`,
    /** hash {epoch, version}: of the snapshot last published. */
    snapshotMeta: `${prefix}:snapshot:meta`,
    /** string, JSON: full state for the next leader; no TTL. */
    healthState: `${prefix}:health-state`,
    /** string: id of the leading aggregator; TTL is the length of the lease. */
    lease: `${prefix}:aggregator:lease`,
    /** counter: raised on every change of leader, the fencing token of every write. */
    epoch: `${prefix}:aggregator:epoch`,
    /** pub/sub channel of snapshots. Payload: JSON HealthSnapshot. */
    healthChanged: `${prefix}:health.changed`,
    /** string, JSON ModelListing: what a provider's list of models said last; TTL three times `probes.modelsIntervalMs`. Written by the prober that asked. */
    modelListing: (provider: string) => `${prefix}:models:${provider}`,
    /** string, `asking` or `asked`: whether a provider was asked for its models in one slot; TTL a minute, then two intervals. Written by the prober whose turn it is. */
    modelListTurn: (provider: string, turn: string) => `${prefix}:models:${provider}:${turn}`,
    /** string, JSON ModeSetting; no TTL: what an operator has set about the mode. Written by `PUT /mode` and the command line. */
    modeSetting: `${prefix}:mode`,
  };
}

export type RedisKeys = ReturnType<typeof redisKeys>;

/** Used when nothing else is configured. */
export const DEFAULT_PREFIX = '{understudy}';
