import type { HealthSnapshot, SnapshotMode, TargetHealth } from '#libs/contracts';
import {
  choose,
  initialRoutingState,
  inMode,
  returnedAt,
  routingWeights,
  successRate,
  viewTarget,
  type HealthPolicy,
  type TargetProfile,
  type TargetState,
  type TargetView,
} from '#libs/health-core';
import { probeSlotMs } from './probe-interval.js';

/** A configured target and what is known of it. */
export interface TargetRecord {
  profile: TargetProfile & { model: string; mode?: string | undefined };
  state: TargetState;
}

/** What a snapshot depends on, beside the targets. */
export interface SnapshotRules {
  policy: HealthPolicy;
  /** The configured interval between probes. */
  usualMs: number;
  /** Absent without modes. */
  mode?: SnapshotMode | undefined;
}

/** The snapshot of these targets, under this epoch and version. */
export function takeSnapshot(
  records: readonly TargetRecord[],
  { epoch, version, at }: Pick<HealthSnapshot, 'epoch' | 'version' | 'at'>,
  { policy, usualMs, mode }: SnapshotRules,
): HealthSnapshot {
  const views = records.map(({ state, profile }) => viewTarget(state, profile, at, policy));
  const cameBackAt = mode && policy.scoring !== 'article' ? returnedAt(mode) : 0;
  const asked = views.map((view, i) => inMode(view, records[i]?.profile ?? {}, mode?.current ?? null, cameBackAt));
  const weights = weightsOf(asked, at, policy);
  const situation = { usualMs, isAnyClosed: views.some(({ breaker }) => breaker === 'closed'), now: at };
  const targets = records.map(({ profile, state }, i): TargetHealth => {
    const view = views[i] as TargetView;
    return {
      ...view,
      model: profile.model,
      routingWeight: weights[i] ?? 0,
      successRate: successRate(state.requests, state.failures),
      requests: state.requests,
      failures: state.failures,
      lastCheckAt: state.lastCheckAt || null,
      probeIntervalMs: probeSlotMs(view, situation, policy),
    };
  });
  return { epoch, version, at, scoring: policy.scoring, targets, ...(mode && { mode }) };
}

/**
 * What each target should get of jobs that any of them may answer. The article knows neither tiers nor modes: where there are some, its
 * formula would give weight to a reserve that gets nothing.
 */
function weightsOf(views: readonly TargetView[], now: number, policy: HealthPolicy): number[] {
  const isOneTier = views.every(({ tier }) => tier === views[0]?.tier);
  if (policy.scoring === 'article' && isOneTier) return routingWeights(views);
  const question = {
    primary: views,
    standIns: [],
    fallbacks: [],
    tried: new Set<string>(),
    failedProviders: new Set<string>(),
  };
  // Asked as a retry: trials are no part of the shares.
  const { shares } = choose({ ...question, isRetry: true }, initialRoutingState(), now, 0, policy);
  const byTarget = new Map(shares.map(({ target, share }) => [target, share * 100]));
  return views.map(({ target }) => byTarget.get(target) ?? 0);
}
