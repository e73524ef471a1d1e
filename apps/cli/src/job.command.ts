import { JobInspector, type JobReport } from '#libs/queue';
import { onlyWord } from './arguments.js';
import { renderAttempts } from './attempts-table.js';
import type { Command } from './command.js';
import { renderTime } from './table.js';

/** `understudy job ID` */
export const JobCommand: Command = {
  usage:
    'understudy job ID                             where a job stands and every attempt; --result for the answer itself',
  examples: `  understudy job 5d2f…
  understudy job 5d2f… --result --json`,
  options: { result: { type: 'boolean' } },
  async run(typed, place) {
    const inspector = new JobInspector(place);
    try {
      const report = await inspector.inspect(onlyWord(typed, 'the id of the job'));
      const wanted = typed.options['result'] === true;
      return {
        data: wanted ? report : { ...report, outcome: withoutAnswer(report.outcome) },
        text: render(report) + (wanted ? `\n\nresult:\n${JSON.stringify(report.outcome, null, 2)}` : ''),
      };
    } finally {
      await inspector.close();
    }
  },
};

/** Who answered and what it took, without what was said. */
function withoutAnswer(outcome: JobReport['outcome']) {
  return outcome?.status === 'completed'
    ? { status: outcome.status, result: { understudy: outcome.result.understudy } }
    : outcome;
}

function render(report: JobReport): string {
  const { outcome, inFlight } = report;
  const served = outcome?.status === 'completed' ? outcome.result.understudy : undefined;
  const usd = served?.cost?.usd;
  const facts: [string, string | null | undefined][] = [
    ['id', report.id],
    ['state', report.state],
    ['reason', report.reason],
    ['model', report.model ?? served?.requestedModel],
    ['tenant', report.tenant],
    ['key', report.idempotencyKey],
    ['enqueued', report.enqueuedAt === null ? null : renderTime(report.enqueuedAt)],
    ['runs', report.runs === null ? null : String(report.runs)],
    ['parked', report.parkedIn],
    ['calling', inFlight && `${inFlight.target} since ${renderTime(inFlight.startedAt)}`],
    [
      'answered',
      served &&
        `by ${served.target} after ${Math.round(served.totalMs)} ms, ${Math.round(served.queueMs)} of them in the queue`,
    ],
    ['tokens', served?.usage && `${served.usage.inputTokens} in, ${served.usage.outputTokens} out`],
    ['cost', usd == null ? null : `${usd.toFixed(6)} USD`],
  ];
  const lines = facts.flatMap(([name, value]) => (value ? `${name.padEnd(9)} ${value}` : []));
  return `${lines.join('\n')}\n\n${renderAttempts(report.attempts)}`;
}
