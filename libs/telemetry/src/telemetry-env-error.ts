/** An environment variable of logs or traces has a value that cannot be used. Thrown at start, before anything runs. */
export class TelemetryEnvError extends Error {
  override readonly name = 'TelemetryEnvError';
  readonly code = 'telemetry_env_invalid';

  constructor(
    /** Name of the variable. */
    readonly variable: string,
    /** What is wrong with its value, and what to write instead. The value itself may hold a secret and is left out. */
    problem: string,
  ) {
    super(`${variable}: ${problem}`);
  }
}
