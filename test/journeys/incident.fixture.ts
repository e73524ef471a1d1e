import { DEFAULT_POLICY, type HealthPolicy } from '#libs/health-core';
import { EpisodeTracker } from '../../tools/outages/episode-tracker.js';
import { Prober } from '../../tools/outages/prober.js';
import { RouterProcess } from '../../tools/outages/router-process.js';
import { profileOf } from '../../tools/outages/rules/adaptive.js';
import { RunRecorder } from '../../tools/outages/run-recorder.js';
import { ShareTimeline } from '../../tools/outages/share-timeline.js';
import { simulate } from '../../tools/outages/simulation.js';
import { SnapshotPath } from '../../tools/outages/snapshot-path.js';
import type { SimulatedTarget } from '../../tools/outages/targets.js';
import { type Call, type CallEnd, World } from '../../tools/outages/world.js';

/** The incident as it was lived through, milliseconds from its first job. */
export interface LivedIncident {
  failedMs: number;
  revivedMs: number;
  endMs: number;
  jobEveryMs: number;
  latencyMs: number;
  probeIntervalMs: number;
  policy: Partial<HealthPolicy>;
}

/** What the replay tells of it; times are milliseconds from the first job. */
export interface ReplayedIncident {
  phases: { breaker: string; atMs: number }[];
  /** Share of first attempts at the hit target among the jobs of a span. */
  shareOf: (fromMs: number, toMs: number) => number;
}

const START = Date.UTC(2024, 0, 1);

/** The provider that refuses everything while it is killed, and one that is spared. */
class KilledWorld extends World {
  constructor(
    targets: readonly SimulatedTarget[],
    private readonly incident: LivedIncident,
  ) {
    super(targets, [], 1);
  }

  override call({ target, now }: Call): CallEnd {
    const atMs = now - START;
    const isKilled = target === 0 && atMs >= this.incident.failedMs && atMs < this.incident.revivedMs;
    if (isKilled) return { outcome: 'server_error', latencyMs: 5 };
    return { outcome: 'success', latencyMs: this.incident.latencyMs };
  }
}

/** Plays an incident as the replay of real outages does: one aggregator, one prober, two routers, on a virtual clock. */
export function replayIncident(incident: LivedIncident): ReplayedIncident {
  const targets = ['hit', 'spared'].map((provider): SimulatedTarget => ({
    id: `${provider}/m`,
    provider,
    tier: 0,
    weight: 1,
    timeoutMs: 2_000,
    maxLatencyMs: 10_000,
    firstTokenMs: 20,
    tokenMs: 0,
    inputPrice: 0,
    outputPrice: 0,
    callsPerSecond: 1_000,
    callsAtOnce: 1_000,
  }));
  const { latencyMs, probeIntervalMs } = incident;
  const policy = { ...DEFAULT_POLICY, expectedLatencyMs: latencyMs, expectedProbeMs: latencyMs, ...incident.policy };
  const profiles = targets.map(profileOf);
  const phases: ReplayedIncident['phases'] = [];
  const first: { atMs: number; target: number }[] = [];
  const arrivals = Array.from({ length: Math.ceil(incident.endMs / incident.jobEveryMs) }, (_, number) => ({
    number,
    atMs: START + number * incident.jobEveryMs,
    contextTokens: 0,
    generatedTokens: 0,
  }));

  simulate({
    world: new KilledWorld(targets, incident),
    arrivals: arrivals.values(),
    rules: (surroundings) => {
      const { events, draw } = surroundings;
      const snapshots = new SnapshotPath({ events, draw, profiles, policy, probeIntervalMs });
      new Prober(surroundings, snapshots, { intervalMs: probeIntervalMs, followsWishes: true });
      const routers = ['one', 'two'].map((name) => new RouterProcess(name, surroundings, snapshots, profiles, policy));
      return {
        decide: (job, now) => {
          const breaker = snapshots.latest().targets[0]?.breaker;
          if (breaker && breaker !== phases.at(-1)?.breaker) phases.push({ breaker, atMs: now - START });
          const decision = (routers[job.number % 2] as RouterProcess).decide(job, now);
          if (decision.kind === 'attempt' && job.attempts === 0)
            first.push({ atMs: now - START, target: decision.target });
          return decision;
        },
      };
    },
    recorder: new RunRecorder(
      targets,
      new ShareTimeline(targets.length, START, START + incident.endMs, 1),
      new EpisodeTracker(targets, [], START, START + incident.endMs),
    ),
    fromMs: START,
    deadlineMs: 20_000,
    seed: 1,
  });

  const shareOf = (fromMs: number, toMs: number) => {
    const jobs = first.filter(({ atMs }) => atMs >= fromMs && atMs < toMs);
    return jobs.filter(({ target }) => target === 0).length / jobs.length;
  };
  return { phases, shareOf };
}
