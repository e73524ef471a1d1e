import { ConfigError } from '#libs/config';
import { checkConfig, chooseConfig } from '../system/choose-config.js';
import { LogDisplay } from '../system/log-display.js';
import { createPaint } from '../system/paint.js';
import { listenForStopRequest, untilAborted } from '../system/stop-request.js';
import { SystemRun } from '../system/system-run.js';
import { Terminal } from '../system/terminal.js';
import { readOptions, USAGE, type UpOptions } from './options.js';
import { playStory } from './play-story.js';
import { renderSummary, whatWentWrong } from './summary.js';

const STATE_FOLDER = '.understudy';
const INTERRUPTED = 130;

const terminal = new Terminal();
const paint = createPaint(terminal.isInteractive);

/** The whole run; returns the exit code. */
async function run({ exitAfterStory, isVerbose }: UpOptions): Promise<number> {
  const stopRequest = listenForStopRequest();
  const config = chooseConfig(process.env);
  checkConfig(config.file, process.env);
  for (const note of config.notes) terminal.line(paint('yellow', note));

  const logs = new LogDisplay({ folder: `${STATE_FOLDER}/logs`, terminal, paint, isVerbose });
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
      terminal,
      logs,
      signal: AbortSignal.any([stopRequest, ending.signal]),
    });
    const end = await Promise.race([story, system.broken]);
    if (end instanceof Error) throw end;
    if (!end) return exitAfterStory ? INTERRUPTED : 0;
    terminal.keepFrame();
    for (const line of renderSummary(end)) terminal.line(line);
    const problem = whatWentWrong(end);
    if (problem) terminal.line(paint('red', problem));
    if (exitAfterStory) return problem ? 1 : 0;

    for (const line of addresses(system)) terminal.line(line);
    const broken = await Promise.race([interrupted, system.broken]);
    if (broken) throw broken;
    return 0;
  } finally {
    ending.abort();
    terminal.keepFrame();
    terminal.line(paint('dim', 'stopping…'));
    await system.stop();
    await logs.close();
  }
}

function addresses(system: SystemRun): string[] {
  return [
    '',
    `completions    ${system.url('gateway')}/v1/chat/completions   (OpenAI-compatible; base URL ${system.url('gateway')}/v1)`,
    `health         ${system.url('aggregator')}/health, /routing-weights, /status, /metrics`,
    `logs           ${STATE_FOLDER}/logs`,
    'Ctrl-C stops everything.',
  ];
}

try {
  const exitCode = await run(readOptions(process.argv.slice(2)));
  process.exit(exitCode);
} catch (error) {
  terminal.setFrame([]);
  const known = error instanceof ConfigError || (error instanceof Error && 'code' in error);
  terminal.line(paint('red', known ? (error as Error).message : String((error as Error).stack)));
  if (error instanceof TypeError && String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS'))
    terminal.line(USAGE);
  process.exit(1);
}
