import { writeFile } from 'node:fs/promises';
import { CompletionClient } from '#libs/client';
import { ConfigError, parseEnv, redisEnv, type UnderstudyConfig } from '#libs/config';
import { checkConfig, chooseConfig, type ChosenConfig } from '../system/choose-config.js';
import { LogDisplay } from '../system/log-display.js';
import { createPaint } from '../system/paint.js';
import { listenForStopRequest, untilAborted } from '../system/stop-request.js';
import { SystemRun } from '../system/system-run.js';
import { Terminal } from '../system/terminal.js';
import { checkArrivals } from './arrivals.js';
import { readOptions, ReplayInputError, type ReplayOptions } from './options.js';
import { ReplayReport, renderReport } from './report.js';
import { replay } from './replay.js';

const PROGRESS_EVERY_MS = 5_000;
const terminal = new Terminal();
const paint = createPaint(terminal.isInteractive);

/** The whole run; returns the exit code. */
async function run(options: ReplayOptions): Promise<number> {
  const signal = listenForStopRequest();
  const config = chooseConfig(process.env);
  checkAgainstConfig(options, checkConfig(config.file, process.env), config);
  const { jobs, lastOffsetMs } = await checkArrivals(options.arrivalsFile, options.limitSeconds);
  terminal.line(`${jobs} jobs over ${Math.ceil(lastOffsetMs / 1000 / options.speed)} s`);

  const logs = new LogDisplay({ folder: '.understudy/logs/replay', terminal, paint, isVerbose: false });
  const system = new SystemRun({ config, logs, env: process.env, onProgress: (message) => terminal.line(message) });
  const interrupted = untilAborted(signal);
  try {
    const failure = await Promise.race([interrupted, system.broken, system.start()]);
    if (failure) throw failure;
    if (signal.aborted) return 130;
    const work = sendAll(options, system, signal);
    const end = await Promise.race([interrupted, work, system.broken]);
    if (end instanceof Error) throw end;
    return end ?? 130;
  } finally {
    await system.stop();
    await logs.close();
  }
}

async function sendAll(options: ReplayOptions, system: SystemRun, signal: AbortSignal): Promise<number> {
  const env = parseEnv(redisEnv, system.environment());
  const client = new CompletionClient({ redisUrl: env.REDIS_URL, prefix: env.UNDERSTUDY_PREFIX });
  const report = new ReplayReport();
  const progress = setInterval(() => {
    const { sent, answered, failedOver, lost } = report.progress;
    terminal.line(paint('dim', `sent ${sent}, answered ${answered}, failed over ${failedOver}, lost ${lost}`));
  }, PROGRESS_EVERY_MS);
  try {
    const onEvent = (text: string) => terminal.line(`▸ ${text}`);
    const worstLagMs = await replay(options, {
      client,
      simulatorUrl: system.url('simulator'),
      report,
      onEvent,
      signal,
    });
    const figures = report.figures(worstLagMs);
    for (const line of renderReport(figures)) terminal.line(line);
    if (options.jsonFile) await writeFile(options.jsonFile, `${JSON.stringify(figures, undefined, 2)}\n`);
    return figures.lost > 0 ? 1 : 0;
  } finally {
    clearInterval(progress);
    await client.close();
  }
}

function checkAgainstConfig(
  { kill, model }: ReplayOptions,
  { providers, routes }: UnderstudyConfig,
  { file, usesSimulator }: ChosenConfig,
): void {
  if (!routes.has(model))
    throw new ReplayInputError(`--model ${model}: ${file} serves ${[...routes.keys()].join(', ')}`);
  if (!kill) return;
  if (!usesSimulator)
    throw new ReplayInputError(`--kill: ${file} uses real providers, and only simulated ones can be killed`);
  if (!Object.hasOwn(providers, kill.provider))
    throw new ReplayInputError(
      `--kill ${kill.provider}: ${file} has the providers ${Object.keys(providers).join(', ')}`,
    );
}

try {
  process.exit(await run(readOptions(process.argv.slice(2))));
} catch (error) {
  const isKnown = error instanceof ConfigError || (error instanceof Error && 'code' in error);
  terminal.line(paint('red', isKnown ? (error as Error).message : String((error as Error).stack)));
  process.exit(1);
}
