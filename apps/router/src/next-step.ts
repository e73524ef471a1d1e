import type { TargetConfig, UnderstudyConfig } from '#libs/config';
import { consequenceOf, type FailureClass } from '#libs/health-core';
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
  if (failure === 'unsupported_param' && !met.triedOtherFamily) return withoutModel(target.model, route, met, config);
  const isConfigured = config.jobs.failoverOn.some((fault) => fault === failure);
  return isConfigured ? { kind: 'go-on', route } : { kind: 'reject' };
}

function alongChain(chain: readonly string[], route: ResolvedRoute, { tried }: Met): NextStep {
  const left = chain.filter((id) => !tried.has(id));
  if (left.length === 0) return { kind: 'reject' };
  return { kind: 'go-on', route: { ...route, primary: [], standIns: [], fallbacks: left, preferred: undefined } };
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
