import { Injectable } from '@nestjs/common';

/** Something that has to be true before the service is of use, in the hands of the part that knows. */
export interface Condition {
  met(): void;
  lost(): void;
}

/** What `/ready` answers. */
export interface ReadinessReport {
  /** `starting` also when a condition that was met is lost again; `stopping` from the first signal on. */
  status: 'ready' | 'starting' | 'stopping';
  /** Conditions that are not met; only while starting. */
  waitingFor?: string[];
}

/**
 * Whether this process can do its work. Parts that need something (a connection, a first snapshot) require it while they are
 * constructed; from then on the service is not ready until they say that it is met.
 */
@Injectable()
export class Readiness {
  private readonly open = new Map<symbol, string>();
  private readonly listeners: (() => void)[] = [];
  private readonly stop = new AbortController();

  /**
   * Aborted when the service has been told to stop, before anything is closed. What makes new work by itself (schedules, polling)
   * ends with it; work in hand goes on.
   */
  readonly stopping: AbortSignal = this.stop.signal;

  /** @param condition what is being waited for, in words: `redis`, `first health snapshot` */
  require(condition: string): Condition {
    const key = Symbol(condition);
    this.open.set(key, condition);
    return {
      met: () => {
        if (this.open.delete(key)) this.changed();
      },
      lost: () => {
        if (this.open.has(key)) return;
        this.open.set(key, condition);
        this.changed();
      },
    };
  }

  report(): ReadinessReport {
    if (this.stopping.aborted) return { status: 'stopping' };
    return this.open.size === 0
      ? { status: 'ready' }
      : { status: 'starting', waitingFor: [...new Set(this.open.values())] };
  }

  /** Calls `listener` after each condition that was met or lost, and when the service begins to stop. */
  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** From now on `/ready` says no, so that no new work is sent here. */
  beginStop(): void {
    if (this.stopping.aborted) return;
    this.stop.abort();
    this.changed();
  }

  private changed(): void {
    for (const listener of this.listeners) listener();
  }
}
