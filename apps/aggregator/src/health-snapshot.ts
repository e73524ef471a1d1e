import type { TargetConfig } from '#libs/config';
import type { HealthSnapshot, TargetHealth } from '#libs/contracts';
import { conditionOf, routingWeights, scoreOf, successRate, type TargetState } from '#libs/health-core';

/** A configured target and what is known of it. */
export interface TargetRecord {
  config: Pick<TargetConfig, 'id' | 'provider' | 'model' | 'weight'>;
  state: TargetState;
}

/** The snapshot of these targets, under this epoch and version. */
export function takeSnapshot(
  records: readonly TargetRecord[],
  { epoch, version, at }: Pick<HealthSnapshot, 'epoch' | 'version' | 'at'>,
): HealthSnapshot {
  const targets = records.map(({ config, state }): TargetHealth => ({
    target: config.id,
    model: config.model,
    provider: config.provider,
    available: state.available,
    healthy: conditionOf(state) === 'healthy',
    score: scoreOf(state),
    weight: config.weight,
    routingWeight: 0,
    latencyMs: state.latencyMs,
    successRate: successRate(state.requests, state.failures),
    consecutiveFailures: state.consecutiveFailures,
    requests: state.requests,
    failures: state.failures,
    lastCheckAt: state.lastCheckAt || null,
    errorMessage: state.errorMessage,
    evidence: state.evidence,
  }));
  for (const [i, routingWeight] of routingWeights(targets).entries())
    Object.assign(targets[i] ?? {}, { routingWeight });
  return { epoch, version, at, scoring: 'article', targets };
}
