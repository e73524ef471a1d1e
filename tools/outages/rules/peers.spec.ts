import { describe, expect, it } from 'vitest';
import { EventQueue } from '../event-queue.js';
import type { AttemptEnd, Decision, RoutingRules, RulesFactory, SimulatedJob } from '../routing-rules.js';
import { simulatedTargets } from '../targets.js';
import { World } from '../world.js';
import { cooldownRules } from './cooldown.js';
import { oracleRules } from './oracle.js';
import { orderedRules } from './ordered.js';

const START = Date.UTC(2024, 0, 1);
const MINUTE_MS = 60_000;
const OPENAI = 0;
const ANTHROPIC = 1;

/** Rules in a world in which openai is down from the second minute on, and a clock to turn. */
function rulesOf(factory: RulesFactory, { thirdProvider = false } = {}) {
  const events = new EventQueue(START);
  const down = { provider: 'openai', startMs: START + MINUTE_MS, endMs: START + 60 * MINUTE_MS, impact: 4 };
  const world = new World(simulatedTargets(thirdProvider), [down], 1);
  const rules = factory({ events, world, draw: () => 0.5, probe: () => undefined });
  let jobs = 0;
  return {
    rules,
    now: () => events.now,
    pass: (ms: number) => {
      events.at(events.now + ms, () => undefined);
      events.step();
    },
    /** All jobs of one process. */
    job: () => newJob(2 * jobs++),
  };
}

const newJob = (number: number): SimulatedJob => ({
  number,
  arrivedAtMs: START,
  deadlineAtMs: START + 3_600_000,
  contextTokens: 1,
  generatedTokens: 1,
  attempts: 0,
  tried: new Set(),
  parkings: 0,
  lastFailure: undefined,
});

function end(decision: Decision, outcome: AttemptEnd['outcome'], job?: SimulatedJob): void {
  if (decision.kind !== 'attempt') throw new Error(`expected an attempt, got ${decision.kind}`);
  decision.ended?.({ outcome, startedAtMs: 0, latencyMs: 100, retryAfterMs: undefined, cutByDeadline: false });
  if (!job) return;
  job.attempts++;
  if (outcome !== 'success') job.tried.add(decision.target);
}

const targetOf = (decision: Decision) => (decision.kind === 'attempt' ? decision.target : decision.kind);

/** Ends so many first attempts that landed on a target, in this way. */
function feed(rules: RoutingRules, target: number, outcome: AttemptEnd['outcome'], count: number, process = 0): void {
  for (let fed = 0, number = process; fed < count; number += 2) {
    const job = newJob(number);
    // A target that a weighted draw would not give is reached as a retry.
    for (let other = 0; other < 3; other++) if (other !== target) job.tried.add(other);
    const decision = rules.decide(job, START);
    if (targetOf(decision) !== target) throw new Error('cannot reach the target');
    end(decision, outcome);
    fed++;
  }
}

describe('cooldown', () => {
  it('leaves a target alone for 5 s after a 429', () => {
    const { rules, pass, job, now } = rulesOf(cooldownRules);
    end(rules.decide(job(), now()), 'rate_limited');
    expect(targetOf(rules.decide(job(), now()))).toBe(ANTHROPIC);
    pass(4_999);
    expect(targetOf(rules.decide(job(), now()))).toBe(ANTHROPIC);
    pass(1);
    expect(targetOf(rules.decide(job(), now()))).toBe(OPENAI);
  });

  it('leaves a target alone when more than half of at least 5 calls of a minute failed, not before', () => {
    const { rules, job, now } = rulesOf(cooldownRules);
    feed(rules, OPENAI, 'server_error', 4);
    expect(targetOf(rules.decide(job(), now()))).toBe(OPENAI);
    feed(rules, OPENAI, 'server_error', 1);
    expect(targetOf(rules.decide(job(), now()))).toBe(ANTHROPIC);
  });

  it('counts failures of each process apart', () => {
    const { rules, job, now } = rulesOf(cooldownRules);
    feed(rules, OPENAI, 'server_error', 4, 0);
    feed(rules, OPENAI, 'server_error', 4, 1);
    expect(targetOf(rules.decide(job(), now()))).toBe(OPENAI);
  });

  it('tries the other target at once, waits before it tries one again, and gives up after two retries', () => {
    const { rules, job, now } = rulesOf(cooldownRules);
    const unlucky = job();
    const first = rules.decide(unlucky, now());
    end(first, 'server_error', unlucky);
    const second = rules.decide(unlucky, now());
    expect([targetOf(first), targetOf(second)]).toEqual([OPENAI, ANTHROPIC]);
    end(second, 'server_error', unlucky);
    expect(rules.decide(unlucky, now()).kind).toBe('wait');
    end(rules.decide(unlucky, now()), 'server_error', unlucky);
    expect(rules.decide(unlucky, now()).kind).toBe('give-up');
  });

  it('takes the reserve as a fallback group, when the first group is used up', () => {
    const { rules, job, now } = rulesOf(cooldownRules, { thirdProvider: true });
    const unlucky = job();
    for (let call = 0; call < 4;) {
      const decision = rules.decide(unlucky, now());
      if (decision.kind !== 'attempt') continue;
      expect(decision.target === 2).toBe(call === 3);
      end(decision, 'server_error', unlucky);
      call++;
    }
  });
});

describe('ordered', () => {
  it('asks the targets in their order, each once', () => {
    const { rules, job, now } = rulesOf(orderedRules, { thirdProvider: true });
    const unlucky = job();
    const asked = Array.from({ length: 4 }, () => {
      const decision = rules.decide(unlucky, now());
      if (decision.kind === 'attempt') end(decision, 'rate_limited', unlucky);
      return targetOf(decision);
    });
    expect(asked).toEqual([0, 1, 2, 'give-up']);
  });

  it('opens the circuit at the fifth failure, and closes it by itself after a minute', () => {
    const { rules, job, now, pass } = rulesOf(orderedRules);
    feed(rules, OPENAI, 'timeout', 4);
    expect(targetOf(rules.decide(job(), now()))).toBe(OPENAI);
    feed(rules, OPENAI, 'timeout', 1);
    expect(targetOf(rules.decide(job(), now()))).toBe(ANTHROPIC);
    pass(MINUTE_MS);
    expect(targetOf(rules.decide(job(), now()))).toBe(OPENAI);
  });

  it('counts a 429 neither for nor against a target', () => {
    const { rules, job, now } = rulesOf(orderedRules);
    feed(rules, OPENAI, 'rate_limited', 20);
    expect(targetOf(rules.decide(job(), now()))).toBe(OPENAI);
  });

  it('asks them all when all circuits are open', () => {
    const { rules, job, now } = rulesOf(orderedRules);
    feed(rules, OPENAI, 'timeout', 5);
    feed(rules, ANTHROPIC, 'timeout', 5);
    expect(targetOf(rules.decide(job(), now()))).toBe(OPENAI);
  });
});

describe('oracle', () => {
  it('never begins with a target that is failing while another works', () => {
    const { rules, job, now, pass } = rulesOf(oracleRules);
    expect(targetOf(rules.decide(job(), now()))).toBe(OPENAI);
    pass(MINUTE_MS);
    expect(targetOf(rules.decide(job(), now()))).toBe(ANTHROPIC);
  });

  it('parks a job that nobody can answer', () => {
    const { rules, job, now, pass } = rulesOf(oracleRules);
    pass(MINUTE_MS);
    const unlucky = job();
    end(rules.decide(unlucky, now()), 'server_error', unlucky);
    expect(rules.decide(unlucky, now()).kind).toBe('park');
  });
});
