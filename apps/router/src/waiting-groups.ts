import type { ParkedGroup, ReleasedGroup } from '#libs/queue';
import type { ResolvedRoute } from './resolve-route.js';

/** Routes of which it is asked in one look whether there is room: the others have the next ones. */
const ROUTES_PER_LOOK = 200;

/** How long what was learned of a group holds: other routers let jobs of it go too, and park some. */
const KNOWN_FOR_MS = 1_000;
const KNOWN_EMPTY_FOR_MS = 90;

/** Not to be looked at until then, unless there is news meanwhile. Times are monotonic, in milliseconds. */
interface Pause {
  from: number;
  until: number;
}
const NO_PAUSE: Pause = { from: -Infinity, until: -Infinity };

/** All groups whose jobs may be served by the same targets: there is room for all of them or for none. */
interface Way {
  /** Null: the configuration knows none. Their jobs go on, and fail by themselves. */
  route: ResolvedRoute | null;
  groups: Set<WaitingGroup>;
  lookedAt: number;
  pause: Pause;
}

/** One group, as this router follows it. */
export interface WaitingGroup extends ParkedGroup, Pick<ReleasedGroup, 'left' | 'next' | 'priority'> {
  model: string;
  way: Way;
  /** When `left`, `next` and `priority` were learned. */
  seenAt: number;
  toldAt: number;
  pause: Pause;
  sweepFrom: number;
}

/** The groups of parked jobs that a router knows, and when to look at which. Has no clock of its own. */
export class WaitingGroups {
  readonly #groups = new Map<string, WaitingGroup>();
  readonly #ways = new Map<string, Way>();
  /** When something changed that any group may have waited for, and when there was room again where there had been too little. */
  #newsAt = -Infinity;
  #roomAt = -Infinity;

  /** @param wishesOf whom the jobs of a group may ask */
  constructor(private readonly wishesOf: (group: ParkedGroup) => { model: string; route: ResolvedRoute | null }) {}

  get size(): number {
    return this.#groups.size;
  }

  /** A job of this group was parked. */
  tell(group: ParkedGroup, now: number): void {
    Object.assign(this.follow(group), { toldAt: now, seenAt: -Infinity });
  }

  /** Which of these groups are not followed yet, and which others are that nobody has told of since then. */
  compare(listed: readonly string[], since: number): { unknown: string[]; unlisted: WaitingGroup[] } {
    const names = new Set(listed);
    return {
      unknown: listed.filter((name) => !this.#groups.has(name)),
      unlisted: [...this.#groups.values()].filter(({ name, toldAt }) => !names.has(name) && toldAt < since),
    };
  }

  forget({ name }: ParkedGroup): void {
    const group = this.#groups.get(name);
    if (!group) return;
    this.#groups.delete(name);
    group.way.groups.delete(group);
    if (group.way.groups.size === 0) this.#ways.delete(keyOf(group.way.route));
  }

  /** Health has changed: any way may be open now. */
  news(now: number): void {
    this.#newsAt = now;
  }

  /** There is room again: nobody who had too little of it needs to pause. */
  room(now: number): void {
    this.#newsAt = now;
    this.#roomAt = now;
  }

  /**
   * Groups that may have jobs which could go on now. Ways without room are left alone for a while.
   * @param pauseMs how long that is
   * @returns `hasMore`: of others it has to be asked at once too
   */
  ready(
    now: number,
    hasRoom: (route: ResolvedRoute) => boolean,
    pauseMs: number,
  ): { ready: WaitingGroup[]; hasMore: boolean } {
    const due = [...this.#ways.values()]
      .filter(({ pause }) => !isPaused(pause, now, this.#newsAt))
      .toSorted((a, b) => a.lookedAt - b.lookedAt);
    const ready: WaitingGroup[] = [];
    for (const way of due.slice(0, ROUTES_PER_LOOK)) {
      way.lookedAt = now;
      if (way.route && !hasRoom(way.route)) way.pause = { from: now, until: now + pauseMs };
      else for (const group of way.groups) if (this.mayGo(group, now)) ready.push(group);
    }
    return { ready, hasMore: due.slice(ROUTES_PER_LOOK).some(({ lookedAt }) => lookedAt <= this.#newsAt) };
  }

  /** Whether a group does not pause, because there was too little room for its jobs or one of them has just found nobody. */
  mayGo({ pause }: WaitingGroup, now: number): boolean {
    return !isPaused(pause, now, this.#roomAt);
  }

  /** The group whose turn it is to be searched for jobs that have ended. */
  toSweep(): WaitingGroup | undefined {
    const [group] = this.#groups.values();
    if (!group) return undefined;
    this.#groups.delete(group.name);
    this.#groups.set(group.name, group);
    return group;
  }

  follow(group: ParkedGroup): WaitingGroup {
    const known = this.#groups.get(group.name);
    if (known) return known;
    const { model, route } = this.wishesOf(group);
    const key = keyOf(route);
    const way = this.#ways.get(key) ?? { route, groups: new Set(), lookedAt: -Infinity, pause: NO_PAUSE };
    const waiting: WaitingGroup = {
      ...group,
      model,
      way,
      left: 0,
      next: Infinity,
      priority: Infinity,
      seenAt: -Infinity,
      toldAt: -Infinity,
      pause: NO_PAUSE,
      sweepFrom: 0,
    };
    way.groups.add(waiting);
    this.#ways.set(key, way);
    this.#groups.set(group.name, waiting);
    return waiting;
  }
}

/** Whether it has to be asked again how many jobs a group has. */
export const isUnknown = ({ left, seenAt }: WaitingGroup, now: number): boolean =>
  now - seenAt > (left > 0 ? KNOWN_FOR_MS : KNOWN_EMPTY_FOR_MS);

/** Takes in what was learned of a group's jobs. */
export function learn(group: WaitingGroup, { left, next, priority, holdMs }: ReleasedGroup, now: number): void {
  Object.assign(group, { left, next, priority, seenAt: now });
  if (holdMs > 0) group.pause = { from: now, until: now + holdMs };
}

const isPaused = ({ from, until }: Pause, now: number, newsAt: number) => now < until && from > newsAt;

const keyOf = (route: ResolvedRoute | null) => JSON.stringify(route && { ...route, model: undefined });
