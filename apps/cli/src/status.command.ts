import type { HealthSnapshot, TargetHealth } from '#libs/contracts';
import { CompletionQueue } from '#libs/queue';
import { SnapshotStore } from '#libs/store';
import type { Command } from './command.js';
import { renderTable, renderTime } from './table.js';

/** A snapshot of this age tells of the past, in milliseconds. */
const OLD_MS = 10_000;

/** `understudy status` */
export const StatusCommand: Command = {
  usage: 'understudy status                             how every target is doing, and what lies in the queue',
  examples: `  understudy status
  watch -n 2 understudy status`,
  options: {},
  async run(_typed, place) {
    const store = new SnapshotStore(place);
    const queue = new CompletionQueue(place);
    try {
      const [snapshot, counts] = await Promise.all([store.read(), queue.counts()]);
      const queued = queueOf(counts);
      const isUp = snapshot?.targets.some(({ healthy }) => healthy) ?? false;
      return {
        data: { snapshot, queue: queued },
        text: `${snapshot ? renderHealth(snapshot) : 'No health has been published: does an aggregator run, with this REDIS_URL and UNDERSTUDY_PREFIX?'}\n\n${renderQueue(queued)}`,
        code: isUp ? 0 : 1,
      };
    } finally {
      await Promise.all([store.close(), queue.close()]);
    }
  },
};

function renderHealth({ targets, at, scoring, mode }: HealthSnapshot): string {
  const healthy = targets.filter((target) => target.healthy).length;
  const ageMs = Math.max(0, Date.now() - at);
  const age = ageMs > OLD_MS ? `  OLD: published ${Math.round(ageMs / 1_000)} s ago, is an aggregator running?` : '';
  const modeWords = mode ? `, mode ${mode.current}` : '';
  const title = `${healthy} of ${targets.length} targets healthy at ${renderTime(at)}, scoring ${scoring}${modeWords}${age}`;
  const header = [
    'target',
    'state',
    'score',
    'routing %',
    'latency ms',
    'success %',
    'requests',
    'failures',
    'in a row',
    'last check',
    'problem',
  ];
  return `${title}\n\n${renderTable(header, targets.map(rowOf), [2, 3, 4, 5, 6, 7, 8])}`;
}

function rowOf(target: TargetHealth): string[] {
  return [
    target.target,
    stateOf(target),
    target.score.toFixed(1),
    target.routingWeight.toFixed(1),
    target.latencyMs === null ? '-' : String(Math.round(target.latencyMs)),
    (target.successRate * 100).toFixed(1),
    String(target.requests),
    String(target.failures),
    String(target.consecutiveFailures),
    renderTime(target.lastCheckAt),
    problemOf(target),
  ];
}

/** Why it is out of use, and what its provider says of its model; a date that has passed is one too. */
function problemOf({ reason, listed, shutdownAt }: TargetHealth): string {
  const day = typeof shutdownAt === 'number' ? renderTime(shutdownAt).slice(0, 10) : null;
  const problems = [reason, listed === false ? 'not listed' : null, day && `shutdown ${day}`];
  return problems.filter(Boolean).join(', ');
}

/** In a word of the glossary. */
function stateOf({ available, healthy, lastCheckAt }: TargetHealth): string {
  if (lastCheckAt === null) return 'unknown';
  if (!available) return 'unavailable';
  return healthy ? 'healthy' : 'unhealthy';
}

/** In the words of callers: BullMQ tells waiting jobs with and without a priority apart. */
function queueOf(counts: Record<string, number>) {
  const { waiting = 0, prioritized = 0, active = 0, delayed = 0, failed = 0 } = counts;
  return { waiting: waiting + prioritized, active, delayed, deadLetters: failed };
}

const renderQueue = ({ waiting, active, delayed, deadLetters }: ReturnType<typeof queueOf>) =>
  `jobs: ${waiting} waiting, ${active} active, ${delayed} parked or put off, ${deadLetters} dead letters`;
