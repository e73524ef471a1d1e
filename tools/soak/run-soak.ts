import { drawSequence } from '../outages/draws.js';
import { type Blows, wreakHavoc } from './chaos.js';
import { Fleet } from './fleet.js';
import { Ledger, type SoakFigures } from './ledger.js';
import type { SoakOptions } from './options.js';
import { OutcomeWatch } from './outcome-watch.js';
import { handInJobs } from './producer.js';

/** Beyond the deadline of the last job, in milliseconds: what has no final word by then is lost. */
const GRACE_MS = 30_000;

/** What a run showed. */
export interface SoakReport extends SoakFigures {
  blows: Blows;
  /** Calls that the providers have seen, pings left out. */
  providerCalls: number;
  seconds: number;
}

/** Runs a system of its own under load, kills its processes at random, and keeps the books. Rejects only for faults of the run itself. */
export async function runSoak(
  options: SoakOptions,
  { onProgress, signal }: { onProgress: (line: string) => void; signal: AbortSignal },
): Promise<SoakReport> {
  const fleet = new Fleet();
  const ledger = new Ledger(options.deadlineMs);
  let watch: OutcomeWatch | undefined;
  const startedAt = Date.now();
  try {
    await fleet.start(options);
    await makeFlaky(fleet.simulatorUrl);
    watch = new OutcomeWatch(fleet.redisUrl, ledger);
    onProgress(`${options.jobs} jobs at ${options.rate} per second, ${options.routers} routers`);

    const work = new AbortController();
    signal.addEventListener('abort', () => work.abort(), { once: true });
    const giveUp = setTimeout(
      () => work.abort(),
      (options.jobs / options.rate) * 1_000 + options.deadlineMs + GRACE_MS,
    );
    let allIn = false;
    const chaos = new AbortController();
    signal.addEventListener('abort', () => chaos.abort(), { once: true });
    const blowsDealt = wreakHavoc(fleet, {
      everyMs: options.chaosEveryMs,
      draw: drawSequence(options.seed),
      onBlow: (what) => onProgress(`${what}; ${ledger.all.length} handed in, ${ledger.pending.length} waiting`),
      signal: chaos.signal,
    });
    const handedIn = handInJobs(options, fleet.redisUrl, ledger, work.signal).then(() => {
      allIn = true;
      chaos.abort();
    });
    await Promise.all([handedIn, watch.run(() => allIn, work.signal)]);
    clearTimeout(giveUp);
    chaos.abort();
    const blows = await blowsDealt;
    await watch.lookAgain();
    return {
      ...ledger.figures(),
      blows,
      providerCalls: await countUserCalls(fleet.simulatorUrl),
      seconds: (Date.now() - startedAt) / 1_000,
    };
  } finally {
    await watch?.close();
    await fleet.stop();
  }
}

/** One call in thirty fails, so that jobs are killed in the middle of failovers too. */
async function makeFlaky(simulatorUrl: string): Promise<void> {
  for (const provider of ['a', 'b'])
    await admin(simulatorUrl, `/providers/${provider}/flaky`, {
      method: 'POST',
      body: JSON.stringify({ ratio: 0.03 }),
    });
}

/** The prompt of a ping is shorter than any of ours. */
async function countUserCalls(simulatorUrl: string): Promise<number> {
  const { calls } = (await admin(simulatorUrl, '/calls?limit=50000')) as { calls: { promptChars: number }[] };
  return calls.filter(({ promptChars }) => promptChars >= 'job 0'.length).length;
}

async function admin(simulatorUrl: string, path: string, init: RequestInit = {}): Promise<unknown> {
  const response = await fetch(`${simulatorUrl}/admin${path}`, {
    ...init,
    headers: { 'content-type': 'application/json' },
  });
  if (!response.ok) throw new Error(`the simulator answered ${response.status} to ${path}`);
  return response.json();
}
