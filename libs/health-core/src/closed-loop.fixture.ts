import { choose } from './choose.js';
import type { Again, ChoiceKind } from './decision.js';
import { consequenceOf } from './failure.js';
import type { HealthEvent } from './health-event.js';
import type { Observation } from './observation.js';
import { DEFAULT_POLICY as policy } from './policy.js';
import { probeIntervalMs } from './probe-schedule.js';
import { initialRoutingState } from './routing-state.js';
import { settle } from './settle.js';
import { observationOf, PROFILE, START } from './story.fixture.js';
import { initialTargetState } from './target-state.js';
import { viewTarget, type TargetView } from './target-view.js';
import { transition } from './transition.js';

/** From the end of a call until every router decides by what it showed: on its way to the aggregator, and back from it. */
export const PROPAGATION_MS = 200;
/** A snapshot at least this often. */
const HEARTBEAT_MS = 1_000;

/** A fleet of targets of equal latency, each of a provider of its own, the first of which is down for a while. */
export interface LoopPlan {
  weights: readonly number[];
  routers: number;
  jobEveryMs: number;
  latencyMs: number;
  /** Configured interval of the probes; null: nobody probes. */
  probeEveryMs: number | null;
  /** Milliseconds from the start. */
  downFromMs: number;
  downToMs: number;
  /** How calls to it end then. Default: `server_error`. */
  downAs?: 'server_error' | 'connection';
  /** The other targets are the route's fallback chain, not part of its group. */
  isChain?: boolean;
  /** Asked after every event. */
  isOver: (record: LoopRecord, nowMs: number) => boolean;
  /** Uniform random numbers in [0, 1). */
  draw: () => number;
}

/** One first attempt. Times are milliseconds from the start. */
interface FirstAttempt {
  atMs: number;
  /** Index of the target; -1: the job had to wait. */
  target: number;
  kind: ChoiceKind | null;
  /** Share of the first target in the decision, 0–1. */
  sickShare: number;
}

/** What happened to the first target. */
export interface LoopRecord {
  first: FirstAttempt[];
  /** When jobs asked it. */
  askedAt: number[];
  /** When its failed calls ended. */
  failedAt: number[];
  /** Latest end of an ejection. */
  openUntilMs: number;
  /** Whether its breaker was ever open. */
  wasOpen: boolean;
}

/** Plays the whole loop on a virtual clock: routers choose and settle, calls and probes end, health is folded and published. */
export function playLoop(plan: LoopPlan): LoopRecord {
  const { weights, draw } = plan;
  const profiles = weights.map((weight, i) => {
    const expected = { expectedLatencyMs: plan.latencyMs, expectedProbeMs: plan.latencyMs };
    return { ...PROFILE, ...expected, id: `p${i}/m`, provider: `p${i}`, weight };
  });
  const states = profiles.map((profile) => initialTargetState(profile, policy));
  const routers = Array.from({ length: plan.routers }, () => initialRoutingState());
  const record: LoopRecord = { first: [], askedAt: [], failedAt: [], openUntilMs: 0, wasOpen: false };

  const due: { at: number; run: (now: number) => void }[] = [];
  const later = (at: number, run: (now: number) => void) => {
    let i = due.length;
    while (i > 0 && (due[i - 1]?.at ?? 0) > at) i--;
    due.splice(i, 0, { at, run });
  };

  const viewsAt = (now: number) =>
    profiles.map((profile, i) => viewTarget(states[i] ?? initialTargetState(profile, policy), profile, now, policy));
  let views: readonly TargetView[] = viewsAt(START);
  const publish = (now: number) => {
    const made = viewsAt(now);
    later(now + PROPAGATION_MS, (at) => {
      views = made;
      followWishes(at);
    });
  };
  const fold = (target: number, event: HealthEvent) => {
    const [profile, state] = [profiles[target], states[target]];
    if (!profile || !state) return;
    const [next, effects] = transition(state, event, profile, policy);
    states[target] = next;
    if (target === 0 && next.breaker.phase === 'open') {
      record.wasOpen = true;
      record.openUntilMs = Math.max(record.openUntilMs, next.breaker.openUntil - START);
    }
    if (effects.some(({ type }) => type === 'breaker-changed' || type === 'state-changed')) publish(event.now);
  };
  const tick = (now: number) => {
    for (const target of profiles.keys()) fold(target, { type: 'ticked', now, draw: draw() });
    publish(now);
    later(now + HEARTBEAT_MS, tick);
  };

  /** How a call that begins now will end. */
  const call = (target: number, now: number, change: Partial<Observation>, ended: (one: Observation) => void) => {
    const isDown = target === 0 && now - START >= plan.downFromMs && now - START < plan.downToMs;
    const outcome = isDown ? (plan.downAs ?? 'server_error') : ('success' as const);
    const { latencyMs } = plan;
    later(now + latencyMs, (at) => {
      if (isDown) record.failedAt.push(at - START);
      const observation = observationOf({ ...change, target: `p${target}/m`, outcome, latencyMs, at });
      fold(target, { type: 'observed', observation, now: at, draw: draw() });
      ended(observation);
    });
  };
  /** When each target was probed last, and will be next; an event for another time is out of date. */
  const [probedAt, dueAt] = [profiles.map(() => START), profiles.map(() => Infinity)];
  const planProbe = (target: number, at: number) => {
    dueAt[target] = at;
    later(at, (now) => {
      if (dueAt[target] !== at) return;
      probedAt[target] = now;
      call(target, now, { source: 'probe', generation: views[target]?.generation ?? 0 }, () => undefined);
      planProbe(target, now + intervalOf(target, now));
    });
  };
  const intervalOf = (target: number, now: number) => {
    const view = views[target];
    if (!view || plan.probeEveryMs === null) return Infinity;
    const isAnyClosed = views.some(({ breaker }) => breaker === 'closed');
    return probeIntervalMs(view, isAnyClosed, plan.probeEveryMs, now, policy);
  };
  /** Probes that are wanted sooner than they were planned are brought forward. */
  const followWishes = (now: number) => {
    for (const target of profiles.keys()) {
      const at = Math.max(now, (probedAt[target] ?? now) + intervalOf(target, now));
      if (at < (dueAt[target] ?? Infinity)) planProbe(target, at);
    }
  };

  const attempt = (router: number, now: number, tried: readonly string[], again?: Again) => {
    const question = {
      primary: plan.isChain ? views.slice(0, 1) : views,
      standIns: [],
      fallbacks: plan.isChain ? views.slice(1) : [],
      again: again && { ...again, view: views.find(({ target }) => target === again.view.target) ?? again.view },
      tried: new Set(tried),
      failedProviders: new Set(tried.map((id) => id.split('/')[0] ?? '')),
      isRetry: tried.length > 0,
    };
    const decision = choose(question, routers[router] ?? initialRoutingState(), now, draw(), policy);
    routers[router] = decision.routing;
    const { choice } = decision;
    const target = profiles.findIndex(({ id }) => id === choice?.target);
    if (tried.length === 0) {
      const sickShare = decision.shares.find((share) => share.target === 'p0/m')?.share ?? 0;
      record.first.push({ atMs: now - START, target, kind: choice?.kind ?? null, sickShare });
    }
    if (decision.pauseMs !== undefined)
      return later(now + decision.pauseMs, (at) => attempt(router, at, tried, question.again));
    if (!choice) return;
    if (target === 0) record.askedAt.push(now - START);
    const title = { generation: choice.generation, trial: choice.kind === 'trial', panic: choice.kind === 'panic' };
    call(target, now, title, (end) => {
      const known = routers[router] ?? initialRoutingState();
      routers[router] = settle(known, choice.target, end, end.at, draw(), policy);
      if (end.outcome === 'success' || tried.length >= 3) return;
      attempt(router, end.at, [...tried, choice.target], secondCall(end, tried, views[target], draw()));
    });
  };
  let jobs = 0;
  const arrive = (now: number) => {
    attempt(jobs++ % plan.routers, now, []);
    later(now + plan.jobEveryMs, arrive);
  };

  tick(START);
  if (plan.probeEveryMs !== null)
    for (const target of profiles.keys()) planProbe(target, START + plan.probeEveryMs * draw());
  later(START, arrive);
  for (let next = due.shift(); next && !plan.isOver(record, next.at - START); next = due.shift()) next.run(next.at);
  return record;
}

/** As a router allows it: once per target, for failures that may be over at once. */
function secondCall(
  { outcome, target, at }: Observation,
  tried: readonly string[],
  view: TargetView | undefined,
  draw: number,
): Again | undefined {
  const retry = outcome === 'success' || !view || tried.includes(target) ? null : consequenceOf(outcome).sameTarget;
  if (!retry || !view) return undefined;
  const [shortest, longest] = retry.afterMs;
  return { view, when: retry.when, at: at + shortest + draw * (longest - shortest) };
}
