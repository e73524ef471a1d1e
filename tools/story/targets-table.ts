import type { HealthSnapshot, TargetHealth } from '#libs/contracts';
import type { Paint } from '../system/paint.js';
import type { TrafficFigures } from '../traffic/tally.js';

interface TableContent {
  title: string;
  snapshot: HealthSnapshot | null;
  /** Share of the latest answers by target, 0–1. */
  shares: ReadonlyMap<string, number>;
  figures: TrafficFigures;
}

/** All columns together fit 80 characters with the sample's names. */
const BAR_WIDTH = 16;

const STATE_WIDTH = 'unavailable'.length;

/** The live table: a row per target, and the figures so far. */
export function renderTargets({ title, snapshot, shares, figures }: TableContent, paint: Paint): string[] {
  const targets = snapshot?.targets ?? [];
  const nameWidth = Math.max(6, ...targets.map(({ target }) => target.length));
  const header = `${'target'.padEnd(nameWidth)}  ${'score'.padStart(5)}  ${'routing'.padStart(7)}  ${'state'.padEnd(STATE_WIDTH)}  answers of the last 5 s`;
  const rows = targets.map((target) => renderRow(target, shares.get(target.target) ?? 0, nameWidth, paint));
  return [
    '',
    paint('bold', title),
    paint('dim', header),
    ...(rows.length > 0 ? rows : [paint('dim', 'waiting for the first health snapshot…')]),
    renderFigures(figures, paint),
  ];
}

function renderRow(target: TargetHealth, share: number, nameWidth: number, paint: Paint): string {
  const state = stateOf(target);
  const style = state === 'healthy' ? 'green' : state === 'unavailable' ? 'red' : 'yellow';
  const bar = '█'.repeat(Math.round(share * BAR_WIDTH)).padEnd(BAR_WIDTH, '·');
  const score = target.score.toFixed(1).padStart(5);
  const numbers = `${target.available ? score : paint('dim', score)}  ${target.routingWeight.toFixed(1).padStart(7)}`;
  return `${target.target.padEnd(nameWidth)}  ${numbers}  ${paint(style, state.padEnd(STATE_WIDTH))}  ${bar} ${`${Math.round(share * 100)} %`.padStart(5)}`;
}

/** In a word of the glossary. */
function stateOf({
  available,
  healthy,
  lastCheckAt,
}: TargetHealth): 'healthy' | 'unhealthy' | 'unavailable' | 'unknown' {
  if (lastCheckAt === null) return 'unknown';
  if (!available) return 'unavailable';
  return healthy ? 'healthy' : 'unhealthy';
}

function renderFigures({ sent, answered, failedOver, failed, lost }: TrafficFigures, paint: Paint): string {
  const trouble = failed + lost > 0 ? paint('red', `  failed ${failed}  lost ${lost}`) : '  lost 0';
  return `jobs: sent ${sent}  answered ${answered}  failed over ${failedOver}${trouble}`;
}

/** The same in one line, for logs and pipes. */
export function renderBrief({ snapshot, shares, figures }: TableContent): string {
  const targets = (snapshot?.targets ?? []).map(
    (target) => `${target.target} ${stateOf(target)} ${Math.round((shares.get(target.target) ?? 0) * 100)} %`,
  );
  return `${targets.join(' | ')} | sent ${figures.sent}, answered ${figures.answered}, failed over ${figures.failedOver}, lost ${figures.lost}`;
}

/** What a person would call a change: the states of the targets, who answers, and what went wrong. */
export function changesOf({ snapshot, shares, figures }: TableContent): string {
  const states = (snapshot?.targets ?? []).map((target) => `${target.target} ${stateOf(target)}`);
  return JSON.stringify([states, [...shares.keys()].toSorted(), figures.failed, figures.lost]);
}
