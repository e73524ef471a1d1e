import type { HealthSnapshot, TargetHealth } from '#libs/contracts';
import type { AlertRules } from './alert.js';
import type { OpenAlert } from './alert-state.js';
import { opened } from './new-alerts.js';

const DAY_MS = 86_400_000;

/** Whoever put the first message off is told once more when so little time is left. */
const LAST_NOTICE_MS = 7 * DAY_MS;

type Rules = Pick<AlertRules, 'shutdownNoticeMs'>;

/** Models that their providers shut down soon, or have shut down: some are then answered by another model, at another price. */
export function shutdownAlerts({ targets, at }: HealthSnapshot, rules: Rules): OpenAlert[] {
  return targets.flatMap(({ target, provider, model, shutdownAt }) => {
    if (!isNear(shutdownAt, at, rules)) return [];
    const labels = { provider, target, model, ...noticeOf(shutdownAt, at) };
    const when =
      shutdownAt > at ? `will be shut down on ${labels.shutdown_date}` : `was shut down on ${labels.shutdown_date}`;
    const summary = `${target}: ${model} ${when}, says ${provider}; configure another model`;
    return [opened('model_shutdown', target, 'warning', summary, at, labels, [target])];
  });
}

/** Whether an open alert is to make room for a new message about the same model: little time is left, or the date is another. */
export function isToldAnew({ rule, targets, labels }: OpenAlert, snapshot: HealthSnapshot, rules: Rules): boolean {
  if (rule !== 'model_shutdown') return false;
  const shutdownAt = snapshot.targets.find(({ target }) => target === targets[0])?.shutdownAt;
  if (!isNear(shutdownAt, snapshot.at, rules)) return false;
  const { shutdown_date, notice } = noticeOf(shutdownAt, snapshot.at);
  return labels['shutdown_date'] !== shutdown_date || (labels['notice'] === 'first' && notice === 'last');
}

/** Whether there is nothing to tell any more. While nobody knows the date, what was told stands. */
export const isFarFromShutdown = ({ shutdownAt }: TargetHealth, now: number, rules: Rules): boolean =>
  rules.shutdownNoticeMs === 0 || (shutdownAt !== undefined && !isNear(shutdownAt, now, rules));

function isNear(shutdownAt: number | null | undefined, now: number, { shutdownNoticeMs }: Rules): shutdownAt is number {
  return shutdownNoticeMs > 0 && typeof shutdownAt === 'number' && shutdownAt - now < shutdownNoticeMs;
}

const noticeOf = (shutdownAt: number, now: number) => ({
  shutdown_date: new Date(shutdownAt).toISOString().slice(0, 10),
  notice: shutdownAt - now <= LAST_NOTICE_MS ? 'last' : 'first',
});
