import type { TargetConfig, UnderstudyConfig } from '#libs/config';
import { type Attempt, faultsOfRequest } from '#libs/contracts';
import { consequenceOf, type FailureClass } from '#libs/health-core';
import type { FailedCall } from '#libs/providers';
import type { ResolvedRoute } from './resolve-route.js';

/** After a failed attempt: who may be asked now, or nobody because asking elsewhere would end the same way. */
export type NextStep = { kind: 'go-on'; route: ResolvedRoute } | { kind: 'reject' };

/** What a job has met in this pass, as far as it matters here. */
export interface Met {
  tried: ReadonlySet<string>;
  /** A target of another model family was asked because one did not know a parameter. That is done once. */
  triedOtherFamily: boolean;
}

/**
 * Whom a job may ask after `failure` at `target`. A fault of the target moves the job on along its route; a fault of the
 * request only where something says that another target may judge differently: a chain for long contexts or for refusals,
 * another model for an unknown parameter, or the configuration.
 */
export function nextStep(
  failure: FailureClass,
  target: TargetConfig,
  route: ResolvedRoute,
  met: Met,
  config: Pick<UnderstudyConfig, 'targets' | 'jobs'>,
): NextStep {
  if (consequenceOf(failure).failover) return { kind: 'go-on', route };
  if (route.pin !== undefined) return { kind: 'reject' };
  if (failure === 'context_length') return alongChain(target.contextFallbacks, route, met);
  if (failure === 'content_filter') return alongChain(target.refusalFallbacks, route, met);
  if (failure === 'unsupported_param' && target.operation === 'embeddings') return elsewhere(route, met);
  if (failure === 'unsupported_param' && !met.triedOtherFamily) return withoutModel(target.model, route, met, config);
  const isConfigured = config.jobs.failoverOn.some((fault) => fault === failure);
  return isConfigured ? { kind: 'go-on', route } : { kind: 'reject' };
}

/**
 * The route of a job that comes back from a wait. It is led along it again by what earlier attempts found wrong with the
 * request, so that it goes on where it stood and asks nobody twice who cannot take it.
 */
export function routeAfter(
  earlier: readonly Attempt[],
  route: ResolvedRoute,
  config: Pick<UnderstudyConfig, 'targets' | 'jobs'>,
): ResolvedRoute {
  let current = route;
  const tried = new Set<string>();
  let triedOtherFamily = false;
  for (const { attempt, failure } of faultsOfRequest(earlier)) {
    tried.add(attempt.target);
    // The configuration may have changed while the job waited.
    const target = config.targets.find(({ id }) => id === attempt.target);
    if (!target) continue;
    const step = nextStep(failure, target, current, { tried, triedOtherFamily }, config);
    if (step.kind === 'go-on') current = step.route;
    triedOtherFamily ||= failure === 'unsupported_param';
  }
  return current;
}

/** What is done about a failed call, as far as it can be told before the next decision. */
export function nextActionAfter(
  { failure, unanswered }: Pick<FailedCall, 'failure' | 'unanswered'>,
  { mayRepeat, hasNext }: { mayRepeat: boolean; hasNext: boolean },
): 'retry' | 'failover' | 'give_up' {
  const { failover, sameTarget } = consequenceOf(failure);
  if (mayRepeat && sameTarget?.when === 'unanswered' && unanswered) return 'retry';
  if (failover && hasNext) return 'failover';
  return mayRepeat && sameTarget?.when === 'alone' ? 'retry' : 'give_up';
}

function alongChain(chain: readonly string[], route: ResolvedRoute, { tried }: Met): NextStep {
  const left = chain.filter((id) => !tried.has(id));
  if (left.length === 0) return { kind: 'reject' };
  return { kind: 'go-on', route: { ...route, primary: [], standIns: [], fallbacks: left, preferred: undefined } };
}

/** One server of a model shortens its vectors, another does not know how. */
function elsewhere(route: ResolvedRoute, { tried }: Met): NextStep {
  const { primary, standIns, fallbacks } = route;
  const hasNext = [...primary, ...standIns, ...fallbacks].some((id) => !tried.has(id));
  return hasNext ? { kind: 'go-on', route } : { kind: 'reject' };
}

/** The same model elsewhere would refuse the same parameter. */
function withoutModel(
  model: string,
  route: ResolvedRoute,
  { tried }: Met,
  { targets }: Pick<UnderstudyConfig, 'targets'>,
): NextStep {
  const others = new Set(targets.filter((target) => target.model !== model).map(({ id }) => id));
  const only = (ids: readonly string[]) => ids.filter((id) => others.has(id) && !tried.has(id));
  const { primary, standIns, fallbacks } = route;
  const left = { primary: only(primary), standIns: only(standIns), fallbacks: only(fallbacks) };
  if (left.primary.length + left.standIns.length + left.fallbacks.length === 0) return { kind: 'reject' };
  return { kind: 'go-on', route: { ...route, ...left, preferred: undefined } };
}
