import { ERROR_SHARE_BY_IMPACT, type Incident } from './incidents.js';
import type { SimulatedTarget } from './targets.js';

/** How fast traffic left targets that failed half of their calls or more, and how fast it came back. */
export interface EpisodeFigures {
  /** Outages of targets that had traffic to lose when they began. */
  outages: number;
  /** Of those: outages from which traffic never moved away. */
  undetected: number;
  detectP50Ms: number | null;
  detectP95Ms: number | null;
  /** Of those that traffic left, and that were followed by a quiet time long enough to see it return. */
  returns: number;
  returnP50Ms: number | null;
  returnP95Ms: number | null;
}

/** Traffic has left when no more than this part of the usual share is left, and is back from this part on. */
const LEFT_AT = 0.2;
const BACK_AT = 0.8;
const SEVERE_FROM_ERROR_SHARE = 0.5;

interface Episode {
  startMs: number;
  endMs: number;
  /** When the target's next incident of any impact begins. */
  nextMs: number;
  hadTraffic: boolean | undefined;
  leftAtMs: number | undefined;
  backAtMs: number | undefined;
}

/** Follows the share of each target through its severe outages. Sees only moments at which a job was routed. */
export class EpisodeTracker {
  readonly #episodes: Episode[][];
  readonly #cursors: number[];
  readonly #parts: number[];
  #usual: readonly number[] | undefined;

  constructor(targets: readonly SimulatedTarget[], incidents: readonly Incident[], fromMs: number, toMs: number) {
    this.#episodes = targets.map(({ provider }) =>
      episodesOf(
        incidents.filter(
          (incident) => incident.provider === provider && incident.endMs > fromMs && incident.startMs < toMs,
        ),
      ),
    );
    this.#cursors = targets.map(() => 0);
    this.#parts = targets.map(() => 0);
  }

  /** A job is routed with these shares. The first ones of a run are taken as the usual ones. */
  seen(shares: readonly number[], now: number): void {
    this.#usual ??= shares;
    for (let target = 0; target < shares.length; target++) {
      const episodes = this.#episodes[target] ?? [];
      let cursor = this.#cursors[target] ?? 0;
      while (now >= (episodes[cursor]?.nextMs ?? Infinity)) cursor++;
      this.#cursors[target] = cursor;
      const episode = episodes[cursor];
      const usual = this.#usual[target] ?? 0;
      const part = usual > 0 ? (shares[target] ?? 0) / usual : 0;
      if (episode && now >= episode.startMs) follow(episode, this.#parts[target] ?? 0, part, now);
      this.#parts[target] = part;
    }
  }

  figures(): EpisodeFigures {
    const seen = this.#episodes.flat().filter(({ hadTraffic }) => hadTraffic);
    const detectMs = seen.flatMap(({ startMs, leftAtMs }) => (leftAtMs === undefined ? [] : [leftAtMs - startMs]));
    const returnMs = seen.flatMap(({ endMs, leftAtMs, backAtMs }) =>
      leftAtMs === undefined || backAtMs === undefined ? [] : [Math.max(0, backAtMs - endMs)],
    );
    return {
      outages: seen.length,
      undetected: seen.length - detectMs.length,
      detectP50Ms: quantile(detectMs, 0.5),
      detectP95Ms: quantile(detectMs, 0.95),
      returns: returnMs.length,
      returnP50Ms: quantile(returnMs, 0.5),
      returnP95Ms: quantile(returnMs, 0.95),
    };
  }
}

function follow(episode: Episode, partBefore: number, part: number, now: number): void {
  // Traffic that had left before, because of an earlier incident, cannot show how fast this one is detected.
  episode.hadTraffic ??= partBefore > LEFT_AT && now < episode.endMs;
  if (now < episode.endMs) {
    if (part <= LEFT_AT) episode.leftAtMs ??= now;
  } else if (part >= BACK_AT) episode.backAtMs ??= now;
}

/** Joins pieces that touch and are severe; in between the impact may change. */
function episodesOf(pieces: readonly Incident[]): Episode[] {
  const episodes: Episode[] = [];
  for (const { startMs, endMs, impact } of pieces) {
    const last = episodes.at(-1);
    if (last && last.nextMs === Infinity && last.endMs !== startMs) last.nextMs = startMs;
    if ((ERROR_SHARE_BY_IMPACT[impact] ?? 1) < SEVERE_FROM_ERROR_SHARE) {
      if (last?.endMs === startMs) last.nextMs = Math.min(last.nextMs, startMs);
      continue;
    }
    if (last?.endMs === startMs && last.nextMs === Infinity) last.endMs = endMs;
    else
      episodes.push({
        startMs,
        endMs,
        nextMs: Infinity,
        hadTraffic: undefined,
        leftAtMs: undefined,
        backAtMs: undefined,
      });
  }
  return episodes;
}

function quantile(values: readonly number[], share: number): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
}
