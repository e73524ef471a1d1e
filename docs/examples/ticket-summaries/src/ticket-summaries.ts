import type { CompletionClient, CompletionResult } from '@understudy/client';

export interface Ticket {
  id: string;
  text: string;
  /** Somebody looks at the ticket right now. */
  isUrgent: boolean;
}

export interface Summary {
  jobId: string;
  /** Null while it is being made. */
  summary: string | null;
  /** Which model at which provider gave it. */
  by: string | null;
}

/** What this service does, without HTTP. */
export class TicketSummaries {
  constructor(
    private readonly client: CompletionClient,
    private readonly model: string,
  ) {}

  /**
   * Hands in a ticket and waits a moment for its summary. The ticket's id is the idempotency key: asked again, by a second click, a
   * retry or after a crash, the same ticket is summarized once and paid for once.
   */
  async request({ id, text, isUrgent }: Ticket, waitMs: number): Promise<Summary> {
    const jobId = await this.client.enqueue(
      {
        model: this.model,
        messages: [
          { role: 'system', content: 'Summarize the ticket in one sentence.' },
          { role: 'user', content: text },
        ],
        max_tokens: 200,
      },
      {
        idempotencyKey: `ticket-${id}`,
        tenant: 'support',
        priority: isUrgent ? 'high' : 'low',
        // Tomorrow nobody wants it any more.
        deadlineMs: 12 * 3_600_000,
      },
    );
    return this.get(jobId, waitMs);
  }

  /** All of last night's tickets in one round trip: each of them is handed in, or none. */
  async requestMany(tickets: readonly Ticket[]): Promise<string[]> {
    return this.client.enqueueMany(
      tickets.map(({ id, text }) => ({
        request: { model: this.model, messages: [{ role: 'user', content: `Summarize in one sentence: ${text}` }] },
        idempotencyKey: `nightly-${id}`,
        tenant: 'support',
        priority: 'low',
      })),
    );
  }

  /** By the id of the job, from any process. */
  async get(jobId: string, waitMs: number): Promise<Summary> {
    const result = await this.client.result(jobId, { waitMs });
    return { jobId, summary: result && textOf(result), by: result && result.understudy.target };
  }

  /** The ticket was closed: nobody needs the summary. */
  cancel(jobId: string): Promise<'cancelled' | 'finished'> {
    return this.client.cancel(jobId);
  }
}

function textOf({ choices }: CompletionResult): string {
  const { content } = (choices[0]?.message ?? {}) as { content?: unknown };
  return typeof content === 'string' ? content : '';
}
