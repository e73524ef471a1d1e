import type { RoomLook } from './room-look.js';
import type { WaitingGroup } from './waiting-groups.js';

/** Jobs of one class that stand in front of the queue at once: enough to keep a router busy that works on 200 until the next look. */
export const FRONT = 250;

/** Jobs that are let go together. */
const PORTION = 100;

/** What one group gets of a portion at least, however many there are. */
const FEW = 8;

/** Groups that one script is asked for. */
const GROUPS_AT_ONCE = 100;

/** Where there is room for fewer than would go, as for the trial of a half-open target: how long before more may. */
const PAUSE_AFTER_FEW_MS = 500;

/** How long a way without room is left alone. */
export const PAUSE_WITHOUT_ROOM_MS = 100;

/** Of one group so many jobs may go. */
export interface PlannedRelease {
  group: WaitingGroup;
  most: number;
}

/**
 * What to let go next: of the groups in their order, as much as there is room for, up to two portions. Among more than go in the end
 * those are taken that have waited for longest.
 * @param waiting in the order in which they are to go; those that were looked at are taken off
 * @param share what each group may have at most
 */
export function nextReleases(waiting: WaitingGroup[], share: number, room: RoomLook, now: number): PlannedRelease[] {
  const plan: PlannedRelease[] = [];
  let planned = 0;
  while (plan.length < GROUPS_AT_ONCE && planned < 2 * PORTION) {
    const group = waiting.shift();
    if (!group) break;
    const { way, left } = group;
    const wanted = Math.min(left, share);
    // Others of its kind have just found that nothing is left.
    const isShut = way.pause.from === now;
    const most = !way.route ? wanted : isShut ? 0 : room.find(way.route, wanted);
    if (most < wanted && !isShut) way.pause = { from: now, until: now + PAUSE_WITHOUT_ROOM_MS };
    if (most === 0) continue;
    if (most < wanted) group.pause = { from: now, until: now + PAUSE_AFTER_FEW_MS };
    plan.push({ group, most });
    planned += most;
  }
  return plan;
}

/** What each of so many groups may have of a portion. */
export const shareOf = (groups: number): number => Math.min(PORTION, Math.max(FEW, Math.ceil((2 * PORTION) / groups)));

/** Takes off what waits in the same class as the last that were planned: nobody of it has a place in front. */
export function passClass(waiting: WaitingGroup[], plan: readonly PlannedRelease[]): void {
  const full = plan.at(-1)?.group.priority;
  while (waiting[0] && waiting[0].priority === full) waiting.shift();
}
