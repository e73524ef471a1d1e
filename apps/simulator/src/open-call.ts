/** How a call ended, or stands: an HTTP status, or what happened instead. */
export type CallStatus = number | 'pending' | 'reset' | 'hang' | 'aborted';

/** One call as the admin API shows it. No text of prompt or answer is in it. */
export interface CallRecord {
  /** 1 for the first call of the process, in order of arrival. */
  seq: number;
  /** Arrival, epoch ms. */
  at: number;
  provider: string;
  model: string;
  status: CallStatus;
  fault?: string;
  /** From arrival to the end of the answer, or until the caller left; null as long as neither happened. */
  latencyMs: number | null;
  /** The format it was asked in. */
  wire: 'openai' | 'anthropic';
  operation: 'chat' | 'embeddings' | 'models';
  stream: boolean;
  /** Token events of a stream that were written. */
  chunksSent: number;
  maxTokens: number | null;
  promptChars: number;
  /** The caller closed the connection before the response was over. */
  aborted: boolean;
}

/** Exact numbers of calls of one model. */
export interface CallCount {
  total: number;
  byStatus: Partial<Record<CallStatus, number>>;
}

/** A call under way; keeps its record and its count in step. */
export class OpenCall {
  private readonly startedMs = performance.now();
  private isOver = false;

  constructor(
    readonly record: CallRecord,
    private readonly count: CallCount,
  ) {
    count.total += 1;
    count.byStatus[record.status] = (count.byStatus[record.status] ?? 0) + 1;
  }

  /** The call has its answer: written to the last byte, or reset. */
  end(status: CallStatus): void {
    this.linger(status);
    this.isOver = true;
  }

  /** The answer is complete, its connection stays open: that the caller leaves is still to come. */
  linger(status: CallStatus): void {
    this.move(status);
    this.stopClock();
  }

  /** The call gets no answer, and its caller waits. */
  hang(): void {
    this.move('hang');
  }

  /** The caller left before the response was over. A call that hung is still shown as one that hung. */
  abort(): void {
    if (this.isOver) return;
    this.record.aborted = true;
    if (this.record.status === 'pending') this.move('aborted');
    if (this.record.latencyMs === null) this.stopClock();
  }

  private move(status: CallStatus): void {
    const { byStatus } = this.count;
    const left = (byStatus[this.record.status] ?? 1) - 1;
    if (left === 0) delete byStatus[this.record.status];
    else byStatus[this.record.status] = left;
    byStatus[status] = (byStatus[status] ?? 0) + 1;
    this.record.status = status;
  }

  private stopClock(): void {
    this.record.latencyMs = Math.round((performance.now() - this.startedMs) * 100) / 100;
  }
}
