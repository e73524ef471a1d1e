import type { SoakReport } from './run-soak.js';

/** The figures for people to read. */
export function renderReport(report: SoakReport): string[] {
  const { blows, errors } = report;
  const rows: [string, string | number][] = [
    ['jobs', report.jobs],
    ['answered', report.answered],
    ['lost', report.lost],
    ['duplicated', report.duplicated],
    ['late', report.late],
    ['failed', `${report.failed}${list(errors)}`],
    ['killed', `${blows.router} routers, ${blows.aggregator} aggregators, ${blows.redis} times Redis`],
    ['calls to providers', `${report.providerCalls} (${(report.providerCalls / report.jobs).toFixed(3)} per job)`],
    ['calls whose router vanished', report.lostCalls],
    ['p50 / p99 / slowest', [report.p50Ms, report.p99Ms, report.slowestMs].map(seconds).join(' / ')],
    ['whole run', `${Math.round(report.seconds)} s`],
  ];
  return rows.map(([name, value]) => `${name.padEnd(28)} ${value}`);
}

/** Whether every promise was kept. */
export const isClean = ({ lost, duplicated, late, failed }: SoakReport): boolean =>
  lost + duplicated + late + failed === 0;

const seconds = (ms: number) => `${(ms / 1_000).toFixed(2)} s`;

function list(errors: Readonly<Record<string, number>>): string {
  const parts = Object.entries(errors).map(([code, count]) => `${code} ${count}`);
  return parts.length > 0 ? ` (${parts.join(', ')})` : '';
}
