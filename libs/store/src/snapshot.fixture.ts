import type { HealthSnapshot, TargetHealth } from '#libs/contracts';

/** A record of a target that is well. */
export const targetHealth = (change: Partial<TargetHealth> = {}): TargetHealth => ({
  target: 'openai/gpt-4',
  model: 'gpt-4',
  provider: 'openai',
  available: true,
  healthy: true,
  score: 92.8,
  weight: 3,
  routingWeight: 300,
  latencyMs: 120,
  usualLatencyMs: 120,
  usualProbeMs: 100,
  tier: 0,
  breaker: 'closed',
  generation: 0,
  healthFactor: 1,
  successEstimate: 1,
  closedAt: 0,
  changedAt: 0,
  openUntil: 0,
  siblingOpenedAt: 0,
  reason: null,
  lastProbeAt: 1_700_000_000_000,
  successRate: 1,
  consecutiveFailures: 0,
  requests: 10,
  failures: 0,
  lastCheckAt: 1_700_000_000_000,
  probeIntervalMs: 30_000,
  errorMessage: null,
  evidence: null,
  ...change,
});

export const snapshotOf = (epoch: number, version: number, targets = [targetHealth()]): HealthSnapshot => ({
  epoch,
  version,
  at: Date.now(),
  scoring: 'article',
  targets,
});
