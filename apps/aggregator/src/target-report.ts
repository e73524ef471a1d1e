import type { TargetHealth } from '#libs/contracts';

/** Four decimals: enough to compare with a calculation by hand, without the noise of binary fractions. */
export const rounded = (value: number): number => Math.round(value * 10_000) / 10_000;

/** Milliseconds to a tenth; null stays null. */
export const roundedMs = (value: number | null): number | null => (value === null ? null : Math.round(value * 10) / 10);

/** Everything about one target, in the style of the other answers. Times are epoch milliseconds. */
export function targetReport(health: TargetHealth) {
  return {
    target: health.target,
    model: health.model,
    provider: health.provider,
    state: !health.available ? 'unavailable' : health.healthy ? 'healthy' : 'unhealthy',
    breaker: health.breaker,
    breaker_reason: health.reason,
    open_until: health.breaker === 'open' ? Math.round(health.openUntil) : null,
    blocked_until: Math.round(health.blockedUntil) || null,
    available: health.available,
    healthy: health.healthy,
    score: rounded(health.score),
    tier: health.tier,
    weight: health.weight,
    routing_weight: rounded(health.routingWeight),
    latency_ms: roundedMs(health.latencyMs),
    usual_latency_ms: roundedMs(health.usualLatencyMs),
    success_estimate: rounded(health.successEstimate),
    success_rate: rounded(health.successRate),
    consecutive_failures: health.consecutiveFailures,
    requests: health.requests,
    failures: health.failures,
    last_check_at: health.lastCheckAt && Math.round(health.lastCheckAt),
    probe_interval_ms: health.probeIntervalMs,
    listed: health.listed ?? null,
    shutdown_at: health.shutdownAt ?? null,
    error_message: health.errorMessage,
    evidence: health.evidence,
  };
}

export type TargetReport = ReturnType<typeof targetReport>;
