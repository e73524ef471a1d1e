import type { Arrival } from '../replay/arrivals.js';
import { EpisodeTracker } from './episode-tracker.js';
import type { Incident } from './incidents.js';
import type { PolicyName } from './options.js';
import type { PolicyFigures } from './report.js';
import type { RulesFactory } from './routing-rules.js';
import { RunRecorder } from './run-recorder.js';
import { adaptiveRules } from './rules/adaptive.js';
import { articleRules } from './rules/article.js';
import { cooldownRules } from './rules/cooldown.js';
import { oracleRules } from './rules/oracle.js';
import { orderedRules } from './rules/ordered.js';
import { ShareTimeline } from './share-timeline.js';
import { simulate } from './simulation.js';
import type { SimulatedTarget } from './targets.js';
import { TIMELINE_BUCKETS } from './timeline-svg.js';
import { jobArrivals } from './traffic.js';
import { World } from './world.js';

/** What all policies of one comparison have in common. */
export interface Scenario {
  targets: readonly SimulatedTarget[];
  incidents: readonly Incident[];
  recording: readonly Arrival[];
  fromMs: number;
  toMs: number;
  jobsPerHour: number;
  deadlineMs: number;
  seed: number;
}

const RULES: Record<PolicyName, RulesFactory> = {
  adaptive: adaptiveRules,
  article: articleRules,
  cooldown: cooldownRules,
  ordered: orderedRules,
  oracle: oracleRules,
};

/** Plays the scenario with one policy. The same scenario gives the same figures each time. */
export function runPolicy(
  policy: PolicyName,
  scenario: Scenario,
  rules: RulesFactory = RULES[policy],
): { figures: PolicyFigures; timeline: ShareTimeline } {
  const { targets, incidents, fromMs, toMs, seed, deadlineMs } = scenario;
  const startedAt = performance.now();
  const timeline = new ShareTimeline(targets.length, fromMs, toMs, TIMELINE_BUCKETS);
  const episodes = new EpisodeTracker(targets, incidents, fromMs, toMs);
  const recorder = new RunRecorder(targets, timeline, episodes);
  simulate({
    world: new World(targets, incidents, seed),
    arrivals: jobArrivals(scenario.recording, scenario),
    rules,
    recorder,
    fromMs,
    deadlineMs,
    seed,
  });
  const computedInMs = Math.round(performance.now() - startedAt);
  return { figures: { policy, ...recorder.figures(), ...episodes.figures(), computedInMs }, timeline };
}
