import type { Tally } from '../traffic/tally.js';
import { switchProvider } from './provider-switch.js';
import { tell } from './story-message.js';

const KILL_AT_MS = 10_000;
const REVIVE_AT_MS = 25_000;
/** The story does not end before this, so that there is something to see. */
const SHORTEST_MS = 40_000;
/** Traffic that has not come back by then does not come back. */
const LONGEST_MS = 75_000;
const LOOK_EVERY_MS = 250;
/** Whoever gave the answers of this long has the traffic. */
const WINDOW_MS = 1_500;

interface Stage {
  simulatorUrl: string;
  /** Provider of the preferred target. */
  provider: string;
  /** Id of the preferred target. */
  target: string;
  tally: Tally;
}

/** Kills the preferred provider, waits, revives it, and waits until its traffic is back. Says whether it came back. */
export async function playOutage({ simulatorUrl, provider, target, tally }: Stage): Promise<boolean> {
  const startedAt = Date.now();
  const shares = () => tally.recentShares(Date.now(), WINDOW_MS);
  const share = () => shares().get(target) ?? 0;
  const hasMoved = () => shares().size > 0 && share() === 0;
  const until = async (sinceStartMs: number, condition: () => boolean = () => false): Promise<boolean> => {
    while (!condition()) {
      if (Date.now() - startedAt >= sinceStartMs) return false;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
    return true;
  };

  tell({ line: `jobs for ${target} are flowing; its provider will be killed at ${KILL_AT_MS / 1000} s` });
  await until(KILL_AT_MS);
  await switchProvider(simulatorUrl, provider, 'kill');
  tell({ line: `provider "${provider}" is killed` });
  if (await until(REVIVE_AT_MS, hasMoved))
    tell({
      line: `traffic has moved: every answer of the last ${seconds(WINDOW_MS)} s came from ${[...shares().keys()].join(', ')}`,
    });

  await until(REVIVE_AT_MS);
  await switchProvider(simulatorUrl, provider, 'revive');
  const revivedAt = Date.now();
  tell({ line: `provider "${provider}" is revived` });
  const cameBack = await until(LONGEST_MS, () => share() >= 0.5);
  if (cameBack) tell({ line: `traffic is back on ${target} after ${seconds(Date.now() - revivedAt)} s` });
  else tell({ line: `traffic has not come back to ${target} within ${seconds(Date.now() - revivedAt)} s` });
  await until(SHORTEST_MS);
  return cameBack;
}

const seconds = (durationMs: number) => (durationMs / 1000).toFixed(1);
