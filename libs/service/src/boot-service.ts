import { ConfigError } from '#libs/config';
import { TelemetryEnvError } from '#libs/telemetry';
import { StartError } from './start.errors.js';

/**
 * Runs the start of a service: reading the environment and the configuration, then runService. A mistake of the operator ends
 * the process with code 1 and the message alone; anything else is a fault of ours and keeps its stack.
 */
export async function bootService(boot: () => Promise<unknown>): Promise<void> {
  try {
    await boot();
  } catch (error) {
    process.stderr.write(`${explainStart(error)}\n`);
    process.exit(1);
  }
}

/** What to print about a start that failed. */
export function explainStart(error: unknown): string {
  if (error instanceof ConfigError || error instanceof TelemetryEnvError || error instanceof StartError)
    return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
