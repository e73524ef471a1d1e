import { pino } from 'pino';
import { ScriptError } from './script.js';
import { readSimulatorEnv, SimulatorEnvError } from './simulator.env.js';
import { SimulatorStartError } from './simulator.errors.js';
import { startSimulator } from './simulator.server.js';

/** Calls under way get this long to finish when the process is told to stop. */
const SHUTDOWN_GRACE_MS = 2_000;

const logger = pino({ name: 'simulator', base: { pid: process.pid }, formatters: { level: (level) => ({ level }) } });

async function main(): Promise<void> {
  const { script, ...listenOn } = readSimulatorEnv();
  const simulator = await startSimulator({
    ...listenOn,
    ...(script === undefined ? {} : { script }),
    onChange: (change, message) => logger.info(change, message),
  });
  logger.info({ url: simulator.url, providers: Object.keys(script?.providers ?? {}) }, 'ready');

  let isStopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    // A second signal does not wait.
    if (isStopping) process.exit(1);
    isStopping = true;
    logger.info({ signal }, 'stopping');
    void simulator.close({ graceMs: SHUTDOWN_GRACE_MS }).then(() => process.exit(0));
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

try {
  await main();
} catch (error) {
  const isExpected =
    error instanceof SimulatorStartError || error instanceof SimulatorEnvError || error instanceof ScriptError;
  // What a person can put right gets a plain message; anything else is a bug and keeps its stack.
  process.stderr.write(`simulator: ${isExpected ? error.message : String((error as Error).stack)}\n`);
  process.exitCode = 1;
}
