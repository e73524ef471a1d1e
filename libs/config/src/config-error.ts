/** One thing that is wrong, where it is, and what to do about it. */
export interface ConfigProblem {
  /** Path in the file (`targets[2].weight`) or name of the environment variable. */
  path: string;
  message: string;
}

/** The configuration cannot be used. Lists every problem at once, so that one edit can mend them all. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'config_invalid';

  constructor(
    /** File name, or `environment`. */
    readonly source: string,
    readonly problems: readonly ConfigProblem[],
  ) {
    const list = problems.map(({ path, message }) => `  ${path ? `${path}: ` : ''}${message}`);
    super(
      `${source} cannot be used, ${problems.length} problem${problems.length === 1 ? '' : 's'}:\n${list.join('\n')}`,
    );
  }
}
