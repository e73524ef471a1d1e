import { Counter, Histogram, type Registry } from 'prom-client';
import { activeExemplar, type ExemplarLabel } from './exemplars.js';
import { CALL_SECONDS, QUEUE_WAIT_SECONDS } from './buckets.js';

/** How a job ended: at its first choice, after a failover, with every candidate tried, refused before any call, or cancelled while a router had it. */
export type JobEnd = 'primary' | 'failover' | 'exhausted' | 'rejected' | 'cancelled';
const JOB_ENDS: readonly JobEnd[] = ['primary', 'failover', 'exhausted', 'rejected', 'cancelled'];

/** How urgent a job is. `other`: of a producer that is not ours and has numbers of its own, or none. */
export type JobClass = 'high' | 'normal' | 'low' | 'other';
const JOB_CLASSES: readonly JobClass[] = ['high', 'normal', 'low', 'other'];

/** Pairs of models times reasons grow with the square of the models; above this many, a series starts with its first failover. */
const MOST_FAILOVER_SERIES = 2_000;

/** The label values that can occur. Each gets a series that starts at 0: a series that first appears with 1 shows no increase. */
export interface RoutingLabels {
  /** Models by the providers' names. */
  models: readonly string[];
  queues: readonly string[];
  /** Failure classes. */
  errorTypes: readonly string[];
}

/** What routing user traffic looks like from outside. Probes are never counted here. */
export class RoutingMetrics {
  private readonly requests: Counter<'model' | 'status' | ExemplarLabel>;
  private readonly latency: Histogram<'model' | ExemplarLabel>;
  private readonly jobs: Counter<'outcome' | ExemplarLabel>;
  private readonly failovers: Counter<'from_model' | 'to_model' | 'reason' | ExemplarLabel>;
  private readonly errors: Counter<'model' | 'error_type'>;
  private readonly attempts: Histogram;
  private readonly queueWait: Histogram<'queue' | 'priority'>;

  constructor(registry: Registry, known: RoutingLabels) {
    const registers = [registry];
    this.requests = new Counter({
      name: 'ai_requests_total',
      help: 'Calls to providers for user traffic, by model and status (success, error)',
      labelNames: ['model', 'status'],
      enableExemplars: true,
      registers,
    });
    this.latency = new Histogram({
      name: 'ai_request_latency_seconds',
      help: 'Duration of calls to providers for user traffic, failed ones included',
      labelNames: ['model'],
      buckets: CALL_SECONDS,
      enableExemplars: true,
      registers,
    });
    this.jobs = new Counter({
      name: 'ai_jobs_total',
      help: 'Completion jobs that ended, by outcome (primary, failover, exhausted, rejected, cancelled)',
      labelNames: ['outcome'],
      enableExemplars: true,
      registers,
    });
    this.failovers = new Counter({
      name: 'ai_failovers_total',
      help: 'Times that a job moved on to another target, by the models left and tried, and the reason',
      labelNames: ['from_model', 'to_model', 'reason'],
      enableExemplars: true,
      registers,
    });
    this.errors = new Counter({
      name: 'ai_request_errors_total',
      help: 'Failed calls to providers for user traffic, by model and failure class',
      labelNames: ['model', 'error_type'],
      registers,
    });
    this.attempts = new Histogram({
      name: 'ai_job_attempts',
      help: 'Calls to providers that a job took',
      buckets: [1, 2, 3, 4, 5, 8],
      registers,
    });
    this.queueWait = new Histogram({
      name: 'ai_queue_wait_seconds',
      help: 'Time from when a job was due until work on it began, by urgency (high, normal, low; other: of a producer that is not ours)',
      labelNames: ['queue', 'priority'],
      buckets: QUEUE_WAIT_SECONDS,
      registers,
    });
    this.startAtZero(known);
  }

  /** One call gave a whole answer. `latencyMs` is from sending the request to the end of the answer. */
  attemptSucceeded(model: string, latencyMs: number): void {
    this.requests.inc({ labels: { model, status: 'success' }, exemplarLabels: activeExemplar() });
    this.observeLatency(model, latencyMs);
  }

  /** One call failed; `errorType` is its failure class. */
  attemptFailed(model: string, errorType: string, latencyMs: number): void {
    this.requests.inc({ labels: { model, status: 'error' }, exemplarLabels: activeExemplar() });
    this.errors.inc({ model, error_type: errorType });
    this.observeLatency(model, latencyMs);
  }

  /** A job leaves the target it was at and is about to try another. */
  failedOver(fromModel: string, toModel: string, reason: string): void {
    this.failovers.inc({
      labels: { from_model: fromModel, to_model: toModel, reason },
      exemplarLabels: activeExemplar(),
    });
  }

  /** A job has its final word, after `attempts` calls (0 when it was rejected). */
  jobEnded(outcome: JobEnd, attempts: number): void {
    this.jobs.inc({ labels: { outcome }, exemplarLabels: activeExemplar() });
    if (attempts > 0) this.attempts.observe(attempts);
  }

  /** Work on a job began for the first time, `waitMs` after it was due. */
  jobStarted(queue: string, priority: JobClass, waitMs: number): void {
    // The two times come from clocks of two machines.
    this.queueWait.observe({ queue, priority }, Math.max(0, waitMs) / 1000);
  }

  private observeLatency(model: string, latencyMs: number): void {
    this.latency.observe({ labels: { model }, value: latencyMs / 1000, exemplarLabels: activeExemplar() });
  }

  private startAtZero({ models, queues, errorTypes }: RoutingLabels): void {
    for (const outcome of JOB_ENDS) this.jobs.inc({ labels: { outcome }, value: 0 });
    for (const queue of queues) for (const priority of JOB_CLASSES) this.queueWait.zero({ queue, priority });
    for (const model of new Set(models)) {
      for (const status of ['success', 'error']) this.requests.inc({ labels: { model, status }, value: 0 });
      for (const errorType of errorTypes) this.errors.inc({ model, error_type: errorType }, 0);
      this.latency.zero({ model });
    }
    if (models.length ** 2 * errorTypes.length > MOST_FAILOVER_SERIES) return;
    // A model may fail over to itself, at another provider.
    for (const from_model of models)
      for (const to_model of models)
        for (const reason of errorTypes) this.failovers.inc({ labels: { from_model, to_model, reason }, value: 0 });
  }
}
