import { hasTrialSlot, type Alternative } from './alternative.js';
import type { ChoiceKind, RouteQuestion } from './decision.js';
import type { Pick } from './pick.js';
import { isReserve } from './mode-tiers.js';
import type { HealthPolicy } from './policy.js';
import type { RoutingState, Turns } from './routing-state.js';
import { sharesOf } from './shares.js';
import { pickAtRandom, pickSmoothly } from './smooth-round-robin.js';

/** Groups whose turns are kept; more than routes, since a changed configuration leaves old groups behind. */
const MAX_GROUPS = 200;

/**
 * The shares of a group, in its order. Targets that were tried are no alternatives, and neither are those of a provider that
 * failed, as long as another is left.
 */
export function fairShares(group: readonly Alternative[], question: RouteQuestion, policy: HealthPolicy): number[] {
  const { tried, failedProviders } = question;
  if (tried.size === 0 && failedProviders.size === 0) return sharesOf(group, policy);
  const failed = ({ view }: Alternative) => failedProviders.has(view.provider);
  const leave = group.some((one) => one.effective > 0 && !failed(one));
  const isLeft = (one: Alternative) => one.barrier !== 'tried' && !(leave && failed(one));
  return sharesOf(
    group.map((one) => (isLeft(one) ? one : { tier: one.tier, weight: 0, effective: 0 })),
    policy,
  );
}

/** One at a time, on a first attempt, every `trialGapMs` or with `trialShare` of the jobs. Targets of the other mode get none here. */
export function trialOf(
  group: readonly Alternative[],
  isRetry: boolean,
  now: number,
  draw: number,
  policy: HealthPolicy,
): Pick | null {
  if (isRetry) return null;
  const isDue = ({ standing }: Alternative) =>
    now - standing.lastTrialAt >= policy.trialGapMs || draw < policy.trialShare;
  const chosen = group.find((one) => one.weight > 0 && !isReserve(one) && hasTrialSlot(one, now) && isDue(one));
  return chosen ? { chosen, kind: 'trial', share: 0 } : null;
}

/** First attempts take turns by the shares, retries are drawn at random. */
export function ofGroup(
  group: readonly Alternative[],
  shares: readonly number[],
  kind: 'primary' | 'stand-in',
  isRetry: boolean,
  { turns }: RoutingState,
  draw: number,
): Pick | null {
  if (isRetry) return pickOf(group, shares, pickAtRandom(shares, draw), kind);
  const known = turns.findIndex(({ targets }) => isGroup(group, targets));
  const { picked, credits } = pickSmoothly(shares, turns[known]?.credits ?? []);
  const pick = pickOf(group, shares, picked, kind);
  if (!pick) return null;
  const targets = turns[known]?.targets ?? group.map(({ view }) => view.target);
  const after: Turns = { targets, credits };
  return { ...pick, turns: known < 0 ? [...turns.slice(1 - MAX_GROUPS), after] : turns.with(known, after) };
}

const isGroup = (group: readonly Alternative[], targets: readonly string[]): boolean =>
  group.length === targets.length && group.every(({ view }, i) => view.target === targets[i]);

function pickOf(group: readonly Alternative[], shares: readonly number[], i: number, kind: ChoiceKind): Pick | null {
  const chosen = group[i];
  return chosen ? { chosen, kind, share: shares[i] ?? 0 } : null;
}
