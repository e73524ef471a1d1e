import type { SnapshotMode, TargetHealth } from '#libs/contracts';
import type { Alert } from './alert.js';
import type { OpenAlert } from './alert-state.js';

/** Why a target cannot work until somebody changes something, and what that is. */
const CURES: Readonly<Record<string, string>> = {
  auth: 'the key is refused: check apiKey and what it may do',
  quota: 'the account is out of money or quota: pay, or raise the limit',
  model_gone: 'the model is gone: configure another model',
  region: 'the provider refuses this region: call it from elsewhere, or remove it',
};

/** The fleet is in another mode than its primary one. */
export function modeAlert({ current, primary, reason }: SnapshotMode, now: number): OpenAlert | null {
  if (current === primary) return null;
  const isManual = reason === 'manual';
  const why = isManual ? 'an operator has set it' : `every ${primary} target has been down or too slow for too long`;
  const labels = { mode: current, from: primary, reason };
  const summary = `Mode ${primary} → ${current}: ${why}`;
  return opened('mode_switched', current, isManual ? 'warning' : 'critical', summary, now, labels, []);
}

/** One alert per reason and provider where one key or account is behind several targets, else one per target. */
export function disabledAlerts(targets: readonly TargetHealth[], now: number): OpenAlert[] {
  const groups = new Map<string, TargetHealth[]>();
  for (const one of targets) {
    if (one.available || one.reason === null || !Object.hasOwn(CURES, one.reason)) continue;
    const group = `${one.provider}/${one.reason}`;
    groups.set(group, [...(groups.get(group) ?? []), one]);
  }
  return [...groups].map(([group, members]) => {
    const { target, provider, reason } = members[0] as TargetHealth;
    const ids = members.map((member) => member.target);
    const subject = ids.length > 1 ? group : `${target}/${reason}`;
    const summary = `${ids.join(', ')} disabled: ${CURES[reason ?? '']}`;
    const labels = { provider, reason: reason ?? '', targets: ids.join(', ') };
    return opened('target_disabled', subject, 'critical', summary, now, labels, ids);
  });
}

/** One failure may be a hiccup of a resolver; the next comes within a second or two, from the ping that it causes. */
const FAILURES_TO_TELL = 2;

/** Whether calls do not even reach its host. */
const isUnreachable = ({ lastFailure, consecutiveFailures, reason }: TargetHealth): boolean =>
  lastFailure === 'dns_tls' && consecutiveFailures >= FAILURES_TO_TELL && reason !== 'held_out';

/** One alert per provider whose host has no address or no certificate that is trusted. */
export function hostAlerts(targets: readonly TargetHealth[], now: number): OpenAlert[] {
  const byProvider = new Map<string, string[]>();
  for (const one of targets)
    if (isUnreachable(one)) byProvider.set(one.provider, [...(byProvider.get(one.provider) ?? []), one.target]);
  return [...byProvider].map(([provider, ids]) => {
    const summary = `${provider} cannot be reached: its name is not found or its certificate not trusted. Usually the configuration: check baseUrl, DNS, proxy and certificate authorities`;
    return opened('host_unreachable', provider, 'warning', summary, now, { provider, targets: ids.join(', ') }, ids);
  });
}

/** No target of a provider has been available for a while. */
export function providerAlert(provider: string, members: string[], since: number): OpenAlert {
  const summary = `Provider ${provider} is down: none of its ${members.length} target(s) is available`;
  return opened(
    'provider_down',
    provider,
    'critical',
    summary,
    since,
    { provider, targets: members.join(', ') },
    members,
  );
}

/** A target goes to and fro. */
export function flappingAlert(target: string, provider: string, now: number): OpenAlert {
  const summary = `${target} is flapping between available and unavailable`;
  return opened('target_flapping', target, 'warning', summary, now, { provider, target }, [target]);
}

/** An alert that begins now. */
export function opened(
  rule: Alert['rule'],
  subject: string,
  severity: Alert['severity'],
  summary: string,
  startedAt: number,
  labels: Record<string, string>,
  targets: string[],
): OpenAlert {
  const key = `${rule}/${subject}`;
  return { key, rule, status: 'firing', severity, summary, startedAt, endedAt: null, labels, targets, calmSince: null };
}
