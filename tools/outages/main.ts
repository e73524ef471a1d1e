import { accessSync, constants, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { ERROR_SHARE_BY_IMPACT, readIncidents } from './incidents.js';
import { type OutagesOptions, readOptions } from './options.js';
import { OutagesInputError } from './outages-input-error.js';
import { ratiosOf, renderTable } from './report.js';
import { runPolicy, type Scenario } from './run-policy.js';
import { simulatedTargets } from './targets.js';
import { renderTimeline } from './timeline-svg.js';
import { readRecording } from './traffic.js';

const DAY_MS = 86_400_000;

async function run(options: OutagesOptions): Promise<void> {
  const scenario = await prepare(options);
  const dates = [scenario.fromMs, scenario.toMs].map((ms) => new Date(ms).toISOString().slice(0, 16));
  const providers = scenario.targets.map(({ provider }) => provider).join(', ');
  const title = `${dates.join(' to ')}, ${scenario.jobsPerHour} jobs an hour, ${providers}`;
  console.log(`${title}, seed ${scenario.seed}\n`);

  const runs = options.policies.map((policy) => ({ policy, ...runPolicy(policy, scenario) }));
  const figures = runs.map((each) => each.figures);
  for (const line of renderTable(figures)) console.log(line);

  if (options.jsonFile) {
    const { targets, incidents, fromMs, toMs, jobsPerHour, deadlineMs, seed } = scenario;
    const world = { targets, errorShareByImpact: ERROR_SHARE_BY_IMPACT, incidents: incidents.length };
    const policies = figures.map((each) => ({ ...each, ...ratiosOf(each) }));
    write(
      options.jsonFile,
      JSON.stringify({ fromMs, toMs, jobsPerHour, deadlineMs, seed, world, policies }, undefined, 2),
    );
  }
  if (options.svgFile) write(options.svgFile, renderTimeline({ ...scenario, title, policies: runs }));
}

/** Reads everything before anything runs. @throws OutagesInputError */
async function prepare(options: OutagesOptions): Promise<Scenario> {
  // Minutes later would be late to learn that the results have nowhere to go.
  for (const file of [options.jsonFile, options.svgFile])
    if (file) orNotWritable(file, () => accessSync(dirname(file), constants.W_OK));
  const targets = simulatedTargets(options.thirdProvider);
  const incidents = readIncidents(
    options.incidentsFile,
    targets.map(({ provider }) => provider),
  );
  const recording = await readRecording(options.arrivalsFile);
  const { jobsPerHour, deadlineMs, seed } = options;
  const fromMs = options.fromMs ?? wholeDay(Math.min(...incidents.map(({ startMs }) => startMs)) - DAY_MS);
  const toMs = options.toMs ?? wholeDay(Math.max(...incidents.map(({ endMs }) => endMs)) + 2 * DAY_MS);
  if (toMs <= fromMs)
    throw new OutagesInputError(
      `${new Date(fromMs).toISOString()} to ${new Date(toMs).toISOString()} holds no time to simulate; correct --from or --to`,
    );
  return { targets, incidents, recording, fromMs, toMs, jobsPerHour, deadlineMs, seed };
}

const wholeDay = (ms: number) => Math.floor(ms / DAY_MS) * DAY_MS;

function write(file: string, text: string): void {
  orNotWritable(file, () => writeFileSync(file, text));
  console.log(`\nwritten to ${file}`);
}

function orNotWritable(file: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new OutagesInputError(`${file} cannot be written (${code}); name a file in a folder that exists`);
  }
}

try {
  await run(readOptions(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof OutagesInputError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
