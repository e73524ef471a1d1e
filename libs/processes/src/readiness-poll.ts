import { get } from 'node:http';

/** What a service's /ready said last. */
export interface ReadinessAnswer {
  ready: boolean;
  /** For people to read: `waiting for redis`, `no answer`. */
  detail: string;
}

const POLL_EVERY_MS = 100;

/**
 * Asks `url` until it answers 200, the deadline passes, or `signal` aborts; says what the last answer was.
 * @param url a service's /ready
 */
export async function untilReady(url: string, deadlineMs: number, signal?: AbortSignal): Promise<ReadinessAnswer> {
  const endAt = Date.now() + deadlineMs;
  for (;;) {
    const answer = await askOnce(url);
    if (answer.ready || Date.now() >= endAt || signal?.aborted) return answer;
    await new Promise((resolve) => setTimeout(resolve, POLL_EVERY_MS));
  }
}

function askOnce(url: string): Promise<ReadinessAnswer> {
  return new Promise((resolve) => {
    const request = get(url, { timeout: 1000 }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      response.on('end', () =>
        resolve({ ready: response.statusCode === 200, detail: describe(response.statusCode, body) }),
      );
      response.on('error', () => resolve({ ready: false, detail: 'no answer' }));
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve({ ready: false, detail: 'no answer' }));
  });
}

function describe(status: number | undefined, body: string): string {
  try {
    const { waitingFor } = JSON.parse(body) as { waitingFor?: string[] };
    if (waitingFor) return `waiting for ${waitingFor.join(', ')}`;
  } catch {
    // not ours: the status says enough
  }
  return `HTTP ${status}`;
}
