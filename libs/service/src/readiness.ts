import { Injectable } from '@nestjs/common';

/** Something that has to be true before the service is of use, in the hands of the part that knows. */
export interface Condition {
  met(): void;
  /** @param reason what is wrong and what to do about it, for whoever asks why the service is not ready */
  lost(reason?: string): void;
}

/** What `/ready` answers. */
export interface ReadinessReport {
  /** `starting` also when a condition that was met is lost again; `stopping` from the first signal on. */
  status: 'ready' | 'starting' | 'stopping';
  /** Conditions that are not met; only while starting. */
  waitingFor?: string[];
  /** What is known to be wrong with them, and what to do. */
  problems?: string[];
}

/**
 * Whether this process can do its work. Parts that need something (a connection, a first snapshot) require it while they are
 * constructed; from then on the service is not ready until they say that it is met.
 */
@Injectable()
export class Readiness {
  private readonly open = new Map<symbol, { condition: string; reason?: string | undefined }>();
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
    this.open.set(key, { condition });
    return {
      met: () => {
        if (this.open.delete(key)) this.changed();
      },
      lost: (reason) => {
        const wasMet = !this.open.has(key);
        this.open.set(key, { condition, reason });
        if (wasMet) this.changed();
      },
    };
  }

  report(): ReadinessReport {
    if (this.stopping.aborted) return { status: 'stopping' };
    if (this.open.size === 0) return { status: 'ready' };
    const open = [...this.open.values()];
    const waitingFor = [...new Set(open.map(({ condition }) => condition))];
    const problems = [...new Set(open.flatMap(({ reason }) => reason ?? []))];
    return { status: 'starting', waitingFor, ...(problems.length > 0 && { problems }) };
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
