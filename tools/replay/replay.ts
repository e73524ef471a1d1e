import type { CompletionClient } from '#libs/client';
import { switchProvider } from '../story/provider-switch.js';
import { sendJob } from '../traffic/send-job.js';
import { readArrivals, type Arrival } from './arrivals.js';
import type { ReplayOptions } from './options.js';
import { Pacer } from './pacer.js';
import type { ReplayReport } from './report.js';

interface ReplaySetting {
  client: CompletionClient;
  simulatorUrl: string;
  report: ReplayReport;
  onEvent: (text: string) => void;
  signal: AbortSignal;
}

/** How long a caller waits for one answer. */
const WAIT_MS = 120_000;

/** Sends one job per row at its time and waits for all of them. Returns the worst lag behind the recording, in milliseconds. */
export async function replay(
  options: ReplayOptions,
  { client, simulatorUrl, report, onEvent, signal }: ReplaySetting,
): Promise<number> {
  const pacer = new Pacer(options.speed, options.maxInFlight);
  const outage = planOutage(options, async (action, provider) => {
    await switchProvider(simulatorUrl, provider, action);
    onEvent(`provider "${provider}": ${action}`);
  });
  try {
    for await (const arrival of readArrivals(options.arrivalsFile, options.limitSeconds)) {
      if (signal.aborted) return pacer.worstLagMs;
      await pacer.start(arrival.offsetMs, async () => {
        report.sent();
        report.ended(await sendJob(client, requestOf(arrival, options.model), WAIT_MS));
      });
    }
    await pacer.finish();
  } finally {
    outage.cancel();
  }
  await outage.checked();
  return pacer.worstLagMs;
}

/** A prompt of about as many tokens as the recorded one, at four characters a token, and as long an answer. */
function requestOf({ contextTokens, generatedTokens }: Arrival, model: string) {
  const content = 'word'.repeat(Math.max(1, contextTokens));
  return { model, messages: [{ role: 'user', content }], max_completion_tokens: Math.max(1, generatedTokens) };
}

/** Switches the provider off and on at its times; a switch that fails is told at the end, since the figures mean nothing then. */
function planOutage(
  { kill, speed }: ReplayOptions,
  act: (action: 'kill' | 'revive', provider: string) => Promise<void>,
) {
  const timers: NodeJS.Timeout[] = [];
  const done: Promise<void>[] = [];
  const plan = (seconds: number, action: 'kill' | 'revive', provider: string) => {
    timers.push(
      setTimeout(
        () => {
          const acted = act(action, provider);
          acted.catch(() => {});
          done.push(acted);
        },
        (seconds * 1000) / speed,
      ),
    );
  };
  if (kill) {
    plan(kill.fromSeconds, 'kill', kill.provider);
    plan(kill.toSeconds, 'revive', kill.provider);
  }
  return { cancel: () => timers.forEach((timer) => clearTimeout(timer)), checked: () => Promise.all(done) };
}
