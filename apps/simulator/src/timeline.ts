import type { FaultAction } from './faults/fault-action.js';

/** Where a timeline stands. */
export interface TimelineState {
  status: 'waiting' | 'running' | 'done';
  /** Epoch ms; null before the first start. */
  startedAt: number | null;
  /** The script's actions in order, each with the time it was carried out (epoch ms), null while it is to come. */
  entries: (FaultAction & { firedAt: number | null })[];
}

/** Carries out a script's actions at their times. */
export class Timeline {
  private readonly entries: TimelineState['entries'];
  private startedAt: number | null = null;
  private timers: NodeJS.Timeout[] = [];

  constructor(
    actions: readonly FaultAction[],
    private readonly apply: (action: FaultAction) => void,
  ) {
    this.entries = actions
      .map((action) => ({ ...action, firedAt: null }))
      .sort((left, right) => left.atMs - right.atMs);
  }

  /** Starts from the beginning, also when it was running. Faults that are in force stay. */
  start(): void {
    this.stop();
    this.startedAt = Date.now();
    for (const entry of this.entries) {
      entry.firedAt = null;
      const fire = (): void => {
        entry.firedAt = Date.now();
        this.apply(entry);
      };
      // An action at 0 holds before the first request can arrive; a timer would come too late.
      if (entry.atMs === 0) fire();
      else this.timers.push(setTimeout(fire, entry.atMs));
    }
  }

  /** Carries out nothing more. */
  stop(): void {
    for (const timer of this.timers) clearTimeout(timer);
    this.timers = [];
  }

  state(): TimelineState {
    const isDone = this.entries.every((entry) => entry.firedAt !== null);
    const status = this.startedAt === null ? 'waiting' : isDone ? 'done' : 'running';
    return { status, startedAt: this.startedAt, entries: this.entries };
  }
}
