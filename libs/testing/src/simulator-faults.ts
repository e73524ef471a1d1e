/** What an error says; absent parts are what the wire format uses with the status. */
interface ErrorText {
  code?: string;
  type?: string;
  message?: string;
}

/** A way to misbehave; what each does is described in the simulator (`src/faults`). */
export type SimulatedFault =
  | { kind: 'down'; mode?: 'status' | 'reset' | 'hang'; status?: number }
  | { kind: 'slow'; factor?: number; addMs?: number }
  | {
      kind: 'rate-limit';
      retryAfterSeconds?: number;
      perMinute?: number;
      requests?: number;
      windowMs?: number;
      silent?: boolean;
    }
  | { kind: 'flaky'; ratio: number; status?: number }
  | ({ kind: 'status'; status: number; body?: string; headers?: Record<string, string> } & ErrorText)
  | { kind: 'slow-first-token'; ms: number }
  | { kind: 'stall'; afterChunks?: number; forMs?: number }
  | { kind: 'keep-alive-only'; intervalMs?: number }
  | { kind: 'slow-drip'; tokensPerSecond: number }
  | { kind: 'slow-drip'; bytesPerSecond: number; headers?: boolean }
  | { kind: 'reset'; at?: 'before-headers' | 'after-headers' | 'mid-body'; afterChunks?: number }
  | { kind: 'cut'; afterChunks?: number; finish?: boolean; abrupt?: boolean }
  | { kind: 'no-done'; finish?: boolean }
  | { kind: 'malformed-event'; event?: number }
  | ({ kind: 'error-event'; event?: number; status?: number } & ErrorText)
  | ({ kind: 'error-in-200'; status?: number } & ErrorText)
  | { kind: 'huge'; megabytes?: number }
  | { kind: 'finish'; reason: string; afterChunks?: number }
  | { kind: 'served-model'; model: string }
  | { kind: 'bad-vectors'; defect: 'missing' | 'short' | 'not-finite' }
  | { kind: 'html' | 'garbage' | 'empty-body' | 'null-body' | 'invalid-utf8' | 'unavailable-after-finish' }
  | { kind: 'empty-choices' | 'no-choices' | 'empty-content' | 'role-only' | 'no-usage' | 'reject-prefill' };

/** Which requests a fault meets, of those to its provider or model. */
export interface FaultSpan {
  /** Ends after so many requests. */
  forRequests?: number;
  forMs?: number;
  /** Lets so many requests pass first. */
  afterRequests?: number;
  /** The first and the last request it meets, counted from 1; not together with the two above. */
  onRequests?: [first: number, last: number];
}
