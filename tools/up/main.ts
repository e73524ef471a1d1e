import { ConfigError, type UnderstudyConfig } from '#libs/config';
import { checkConfig, chooseConfig, type ChosenConfig } from '../system/choose-config.js';
import { LogDisplay } from '../system/log-display.js';
import { createPaint } from '../system/paint.js';
import { ProviderHints } from '../system/provider-hints.js';
import { sampleRequest } from '../system/sample-request.js';
import { listenForStopRequest, untilAborted } from '../system/stop-request.js';
import { SIMULATED_PROBE_INTERVAL_MS, SystemRun } from '../system/system-run.js';
import { Terminal } from '../system/terminal.js';
import { renderAddresses } from './addresses.js';
import { readOptions, USAGE, type UpOptions } from './options.js';
import { playStory } from './play-story.js';
import { renderSummary, whatWentWrong } from './summary.js';

const STATE_FOLDER = '.understudy';
const LOG_FOLDER = `${STATE_FOLDER}/logs`;
const INTERRUPTED = 130;

const terminal = new Terminal();
const paint = createPaint(terminal.isInteractive);

/** The whole run; returns the exit code. */
async function run({ exitAfterStory, isVerbose }: UpOptions): Promise<number> {
  const stopRequest = listenForStopRequest();
  const config = chooseConfig(process.env);
  const checked = checkConfig(config.file, process.env);
  for (const note of config.notes) terminal.line(paint('yellow', note));
  if (config.usesSimulator && !process.env['PROBE_INTERVAL_MS']) {
    const faster = checkConfig(config.file, { ...process.env, PROBE_INTERVAL_MS: String(SIMULATED_PROBE_INTERVAL_MS) });
    // A file that says its own interval keeps it.
    if (faster.probes.intervalMs !== checked.probes.intervalMs) terminal.line(paint('dim', pingNote(checked)));
  }

  const hints = new ProviderHints(config.file);
  const logs = new LogDisplay({ folder: LOG_FOLDER, terminal, paint, isVerbose, hints });
  const onProgress = (message: string) => terminal.line(message);
  const system = new SystemRun({ config, stateFolder: STATE_FOLDER, logs, env: process.env, onProgress });
  const interrupted = untilAborted(stopRequest);
  const ending = new AbortController();
  try {
    const failure = await Promise.race([interrupted, system.broken, system.start()]);
    if (failure) throw failure;
    if (stopRequest.aborted) return INTERRUPTED;

    const story = playStory({
      env: system.environment(),
      isStaged: config.usesSimulator,
      stays: !exitAfterStory,
      terminal,
      logs,
      signal: AbortSignal.any([stopRequest, ending.signal]),
    });
    const end = await Promise.race([story, system.broken]);
    if (end instanceof Error) throw end;
    if (!end) return exitAfterStory ? INTERRUPTED : 0;
    // Its percentages are of the past, and would stand there as if they were of now.
    terminal.setFrame([]);
    for (const line of renderSummary(end)) terminal.line(line);
    const problem = whatWentWrong(end);
    if (problem) terminal.line(paint('red', problem));
    if (exitAfterStory) return problem ? 1 : 0;

    for (const line of addresses(system, config, checked)) terminal.line(line);
    const broken = await Promise.race([interrupted, system.broken]);
    if (broken) throw broken;
    return 0;
  } finally {
    ending.abort();
    terminal.keepFrame();
    if (system.hasBegun) terminal.line(paint('dim', 'stopping…'));
    await system.stop();
    await logs.close();
  }
}

function pingNote({ probes }: UnderstudyConfig): string {
  const seconds = (durationMs: number) => `${durationMs / 1000} s`;
  return `simulated: PROBE_INTERVAL_MS=${SIMULATED_PROBE_INTERVAL_MS}, a ping every ${seconds(SIMULATED_PROBE_INTERVAL_MS)} instead of ${seconds(probes.intervalMs)}`;
}

function addresses(system: SystemRun, { usesSimulator }: ChosenConfig, config: UnderstudyConfig): string[] {
  return renderAddresses({
    url: (app) => system.url(app),
    redisUrl: system.redisUrl,
    prefix: process.env['UNDERSTUDY_PREFIX'],
    wantsKey: Boolean(process.env['GATEWAY_API_KEYS']),
    isStaged: usesSimulator,
    request: sampleRequest(config),
    logFolder: LOG_FOLDER,
  });
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options.wantsHelp) terminal.line(USAGE);
  process.exit(options.wantsHelp ? 0 : await run(options));
} catch (error) {
  terminal.setFrame([]);
  const known = error instanceof ConfigError || (error instanceof Error && 'code' in error);
  terminal.line(paint('red', known ? (error as Error).message : String((error as Error).stack)));
  if (error instanceof TypeError && String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS'))
    terminal.line(USAGE);
  process.exit(1);
}
