import type { CompletionClient } from '#libs/client';
import { sendJob } from '../traffic/send-job.js';
import type { Tally } from '../traffic/tally.js';

const QUESTIONS = [
  'Summarise this ticket.',
  'Translate this to French.',
  'Is this review positive?',
  'Write a title for this page.',
];
const WAIT_MS = 30_000;

/** Sends jobs at a steady rate until it is told to stop. */
export class TrafficSource {
  private readonly inFlight = new Set<Promise<void>>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly client: CompletionClient,
    private readonly tally: Tally,
    private readonly model: string,
  ) {}

  start(jobsPerSecond: number): void {
    this.timer = setInterval(() => this.sendOne(), 1000 / jobsPerSecond);
  }

  /** Sends no more, and waits for what is under way. */
  async finish(): Promise<void> {
    clearInterval(this.timer);
    await Promise.all(this.inFlight);
  }

  sendOne(): void {
    const content = QUESTIONS[this.tally.figures.sent % QUESTIONS.length] ?? '';
    const request = { model: this.model, messages: [{ role: 'user', content }], max_completion_tokens: 24 };
    this.tally.sent();
    const job = sendJob(this.client, request, WAIT_MS).then((report) => this.tally.ended(report, Date.now()));
    const done: Promise<void> = job.finally(() => this.inFlight.delete(done));
    this.inFlight.add(done);
  }
}
