import type { HealthSnapshot } from '#libs/contracts';
import type { Alert, AlertRules } from './alert.js';
import type { AlertState, OpenAlert } from './alert-state.js';
import { downProviders, type DownProvider } from './down-providers.js';
import { isFlapping, lastChangeOf, withChanges } from './flapping.js';
import { disabledAlerts, flappingAlert, hostAlerts, modeAlert, providerAlert } from './new-alerts.js';
import { isFarFromShutdown, isToldAnew, shutdownAlerts } from './shutdown-alerts.js';

/**
 * Looks at one snapshot and decides what people are to be told. Pure: state and snapshot in, state and messages out. A snapshot
 * shows levels, not events, so that a look that was missed is made up for by the next one.
 *
 * A provider that is down mutes its targets, and a target that flaps is told of once: both would be pages about one outage.
 */
export function judgeAlerts(
  state: AlertState,
  snapshot: HealthSnapshot,
  rules: AlertRules,
): [next: AlertState, alerts: Alert[]] {
  const now = snapshot.at;
  const targets = withChanges(state.targets, snapshot.targets, now, rules);
  const providers = downProviders(snapshot.targets, state.downSince, now);
  const look: Look = { snapshot, targets, providers, rules, now };

  const settled = state.open.map((alert) => afterLook(alert, look));
  const over = settled.filter(({ status }) => status === 'resolved');
  const still = settled.filter((alert) => alert.status === 'firing' && !isToldAnew(alert, snapshot, rules));
  const begun = newAlerts(still, look);

  const downSince = Object.fromEntries(providers.map(({ provider, since }) => [provider, since]));
  return [{ open: [...still, ...begun], downSince, targets }, [...over, ...begun].map(messageOf)];
}

interface Look {
  snapshot: HealthSnapshot;
  targets: AlertState['targets'];
  providers: readonly DownProvider[];
  rules: AlertRules;
  now: number;
}

/** The rules in the order in which one mutes another. */
function newAlerts(open: readonly OpenAlert[], { snapshot, targets, providers, rules, now }: Look): OpenAlert[] {
  const all = [...open];
  const isOpen = (key: string) => all.some((alert) => alert.key === key);
  const add = (alert: OpenAlert | null) => {
    if (alert && !isOpen(alert.key)) all.push(alert);
  };
  const covered = (rule: Alert['rule'], target: string) =>
    all.some((alert) => alert.rule === rule && alert.targets.includes(target));
  const isMuted = (target: string) => covered('provider_down', target) || covered('target_flapping', target);

  if (snapshot.mode) add(modeAlert(snapshot.mode, now));
  const fresh = snapshot.targets.filter(({ target }) => !isMuted(target) && !covered('target_disabled', target));
  for (const alert of disabledAlerts(fresh, now)) add(alert);
  for (const alert of hostAlerts(snapshot.targets, now)) if (!alert.targets.every(isMuted)) add(alert);
  for (const { provider, since, members } of providers)
    // Whose targets are all disabled is told of already.
    if (now - since >= rules.providerDownAfterMs && !members.every((target) => covered('target_disabled', target)))
      add(providerAlert(provider, members, since));
  for (const { target, provider } of snapshot.targets)
    if (isFlapping(targets[target], now, rules) && !isMuted(target)) add(flappingAlert(target, provider, now));
  for (const alert of shutdownAlerts(snapshot, rules)) add(alert);
  return all.slice(open.length);
}

/** Over only after a calm time, so that what comes and goes is told once. */
const TIMED_RULES: readonly Alert['rule'][] = ['provider_down', 'target_flapping', 'host_unreachable'];

/** An open alert after one more look: over at once, over after a calm time, or not over. */
function afterLook(alert: OpenAlert, look: Look): OpenAlert {
  const { now, rules } = look;
  if (!isCalm(alert, look)) return { ...alert, calmSince: null };
  const calmSince = Math.min(alert.calmSince ?? now, now);
  const isTimed = TIMED_RULES.includes(alert.rule);
  if (isTimed && now - calmSince < rules.resolveAfterMs) return { ...alert, calmSince };
  return { ...alert, calmSince, status: 'resolved', endedAt: now };
}

function isCalm(alert: OpenAlert, { snapshot, targets, rules, now }: Look): boolean {
  const members = snapshot.targets.filter(({ target }) => alert.targets.includes(target));
  switch (alert.rule) {
    case 'mode_switched':
      return snapshot.mode?.current !== alert.labels['mode'];
    case 'target_disabled':
      return members.every(({ available }) => available);
    case 'provider_down':
      return members.length === 0 || members.some(({ available }) => available);
    case 'host_unreachable':
      return members.every(({ lastFailure, reason }) => lastFailure !== 'dns_tls' || reason === 'held_out');
    case 'target_flapping':
      // Counted from the last change: the look that saw it may lie long before this one.
      return members.every(({ target, available }) => available && lastChangeOf(targets[target]) < now);
    case 'model_shutdown':
      return members.every((member) => isFarFromShutdown(member, now, rules));
  }
}

const messageOf = ({ targets: _targets, calmSince: _calmSince, ...alert }: OpenAlert): Alert => alert;
