import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import type { LogLine } from '#libs/processes';
import { jobNews } from './job-news.js';
import { LineDigest } from './line-digest.js';
import { formatLine, isTold, levelOf } from './log-line-format.js';
import type { Paint } from './paint.js';
import type { ProviderHints } from './provider-hints.js';
import type { Terminal } from './terminal.js';

/** All services meet the same trouble at the same time; one of them has told it. */
const SAME_WARNING_MS = 10_000;
/** Does not change while the system runs: told once. */
const TOLD_ONCE = new Set<unknown>(['telemetry.export_failed']);

interface LogDisplayOptions {
  folder: string;
  terminal: Terminal;
  paint: Paint;
  /** Show every line as it is, not only warnings, failovers and changes of state. */
  isVerbose: boolean;
  /** What to check when a real provider fails. */
  hints?: ProviderHints;
}

/** Keeps each service's lines in a file of its own, and shows the ones that matter, with the service's name in front. */
export class LogDisplay {
  private readonly files = new Map<string, WriteStream>();
  private readonly digest = new LineDigest();
  private readonly toldAt = new Map<string, number>();

  constructor(private readonly options: LogDisplayOptions) {
    mkdirSync(options.folder, { recursive: true });
  }

  /** Takes a line of a service. */
  take(service: string, line: LogLine): void {
    this.fileOf(service).write(`${line.text}\n`);
    const { isVerbose, terminal } = this.options;
    if (isVerbose) terminal.line(this.format(service, line));
    else if (isTold(line)) this.tell(service, line);
  }

  async close(): Promise<void> {
    this.digest.flush();
    await Promise.all(
      [...this.files.values()].map((file) => new Promise<void>((resolve) => file.end(() => resolve()))),
    );
  }

  private tell(service: string, line: LogLine): void {
    const { terminal } = this.options;
    const { fields } = line;
    const news = fields && jobNews(fields);
    if (news) {
      const show = (jobs: number) => {
        const sentence = { level: fields['level'], msg: news.sentence(jobs) };
        terminal.line(this.format(service, { text: sentence.msg, fields: sentence }));
      };
      this.digest.add(news.key, String(fields['job_id']), show);
    } else if (!fields || !this.wasToldJustNow(fields)) {
      terminal.line(this.format(service, line));
    }
    if (fields) this.hint(fields);
  }

  private wasToldJustNow(fields: Readonly<Record<string, unknown>>): boolean {
    if (levelOf(fields) !== 'warn') return false;
    const { event, msg, target } = fields;
    const isOnce = TOLD_ONCE.has(event);
    const key = isOnce ? String(event) : JSON.stringify([event, msg, target]);
    const before = this.toldAt.get(key);
    const now = performance.now();
    if (before !== undefined && (isOnce || now - before < SAME_WARNING_MS)) return true;
    this.toldAt.set(key, now);
    return false;
  }

  private hint({ event, from, reason, target, outcome }: Readonly<Record<string, unknown>>): void {
    const { hints, terminal, paint } = this.options;
    const hint =
      event === 'llm.failover'
        ? hints?.hintFor(String(from), String(reason))
        : hints?.hintFor(String(target), String(outcome));
    if (hint) terminal.line(paint('yellow', `→ ${hint}`));
  }

  private format(service: string, line: LogLine): string {
    return formatLine(service, line, this.options);
  }

  private fileOf(service: string): WriteStream {
    const open = this.files.get(service);
    if (open) return open;
    const file = createWriteStream(join(this.options.folder, `${service}.log`));
    file.on('error', () => {}); // a full disk must not end the run
    this.files.set(service, file);
    return file;
  }
}
