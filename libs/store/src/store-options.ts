/** Where the health data lies. */
export interface StoreOptions {
  redisUrl: string;
  /** One hash tag, such as `{understudy}`. */
  prefix: string;
  /** Hears of lost connections (one call per attempt) and of commands that Redis refused. Default: nobody does. */
  onError?: ((error: Error) => void) | undefined;
}

/** What was thrown, as an Error. */
export const toError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)));
