import { drawSequence } from './draws.js';
import { EventQueue } from './event-queue.js';
import type { RunRecorder } from './run-recorder.js';
import type { AttemptEnd, Decision, RoutingRules, RulesFactory, SimulatedJob } from './routing-rules.js';
import type { JobArrival } from './traffic.js';
import type { Call, World } from './world.js';

/** One run: a world, what arrives, the rules that route it, and who writes down what happens. */
export interface SimulationPlan {
  world: World;
  arrivals: Iterator<JobArrival, void>;
  rules: RulesFactory;
  recorder: RunRecorder;
  fromMs: number;
  deadlineMs: number;
  seed: number;
}

const PROBE_TIMEOUT_MS = 10_000;
const PROBE_TOKENS = { contextTokens: 10, generatedTokens: 5 };
/** Probes draw their luck from numbers that no job has. */
const FIRST_PROBE_KEY = 2 ** 30;

/** Runs the plan to the end of its last job. */
export function simulate(plan: SimulationPlan): void {
  new Simulation(plan).run();
}

class Simulation {
  readonly #events: EventQueue;
  readonly #rules: RoutingRules;
  #openJobs = 0;
  #hasMoreArrivals = true;
  #probes = 0;

  constructor(private readonly plan: SimulationPlan) {
    this.#events = new EventQueue(plan.fromMs);
    this.#rules = plan.rules({
      events: this.#events,
      world: plan.world,
      draw: drawSequence(plan.seed),
      probe: (target, ended) => this.#probe(target, ended),
    });
  }

  run(): void {
    this.#expectNextJob();
    while ((this.#hasMoreArrivals || this.#openJobs > 0) && this.#events.step());
  }

  #expectNextJob(): void {
    const { done, value } = this.plan.arrivals.next();
    if (done || !value) this.#hasMoreArrivals = false;
    else this.#events.at(value.atMs, () => this.#arrive(value));
  }

  #arrive({ number, atMs, contextTokens, generatedTokens }: JobArrival): void {
    this.#expectNextJob();
    this.#openJobs++;
    this.plan.recorder.arrived();
    this.#advance({
      number,
      arrivedAtMs: atMs,
      deadlineAtMs: atMs + this.plan.deadlineMs,
      contextTokens,
      generatedTokens,
      attempts: 0,
      tried: new Set(),
      parkings: 0,
      lastFailure: undefined,
    });
  }

  #advance(job: SimulatedJob): void {
    const { now } = this.#events;
    if (now >= job.deadlineAtMs) return this.#end(job, 'deadline');
    const decision = this.#rules.decide(job, now);
    switch (decision.kind) {
      case 'attempt':
        return this.#attempt(job, decision);
      case 'wait':
        return this.#resumeAt(job, now + decision.waitMs);
      case 'park':
        job.parkings++;
        job.tried.clear();
        return this.#resumeAt(job, now + decision.waitMs);
      case 'give-up':
        return this.#end(job, 'gave-up');
    }
  }

  #resumeAt(job: SimulatedJob, atMs: number): void {
    // Rules that wait without moving the clock would hang the run; a real queue has a grain as well.
    this.#events.at(Math.min(Math.max(atMs, this.#events.now + 1), job.deadlineAtMs), () => this.#advance(job));
  }

  #attempt(job: SimulatedJob, { target, shares, ended }: Extract<Decision, { kind: 'attempt' }>): void {
    const { now } = this.#events;
    const { world, recorder } = this.plan;
    if (job.attempts === 0) recorder.firstAttempt(target, now, world, shares);
    job.attempts++;
    const { timeoutMs } = world.targets[target] as { timeoutMs: number };
    const call = {
      target,
      now,
      key: job.number,
      attempt: job.attempts,
      contextTokens: job.contextTokens,
      generatedTokens: job.generatedTokens,
    };
    this.#carryOut(call, Math.min(timeoutMs, job.deadlineAtMs - now), timeoutMs, (end) => {
      ended?.(end);
      recorder.attemptEnded(target, end, call);
      if (end.outcome === 'success') return this.#end(job, 'answered');
      job.tried.add(target);
      job.lastFailure = end.outcome;
      this.#advance(job);
    });
  }

  #probe(target: number, ended: (end: AttemptEnd) => void): void {
    const key = FIRST_PROBE_KEY + this.#probes++;
    const call = { target, now: this.#events.now, key, attempt: 0, ...PROBE_TOKENS };
    this.plan.recorder.probed(target, call);
    this.#carryOut(call, PROBE_TIMEOUT_MS, PROBE_TIMEOUT_MS, ended);
  }

  #carryOut(call: Call, patienceMs: number, timeoutMs: number, ended: (end: AttemptEnd) => void): void {
    const { outcome, latencyMs, retryAfterMs } = this.plan.world.call(call);
    const isCut = latencyMs > patienceMs;
    const takenMs = isCut ? patienceMs : latencyMs;
    this.#events.at(call.now + takenMs, () =>
      ended({
        outcome: isCut ? 'timeout' : outcome,
        startedAtMs: call.now,
        latencyMs: takenMs,
        retryAfterMs,
        cutByDeadline: isCut && patienceMs < timeoutMs,
      }),
    );
  }

  #end(job: SimulatedJob, how: 'answered' | 'gave-up' | 'deadline'): void {
    this.#openJobs--;
    this.plan.recorder.ended(job, how, this.#events.now);
  }
}
