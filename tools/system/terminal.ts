import type { WriteStream } from 'node:tty';

/**
 * What the person sees: lines that scroll, and below them, on a real terminal, a frame that is redrawn in place. Everything written during a
 * run goes through here, or the frame would be torn.
 */
export class Terminal {
  readonly isInteractive: boolean;
  private frame: readonly string[] = [];
  private drawn = 0;

  constructor(private readonly stream: Pick<WriteStream, 'write' | 'isTTY' | 'columns'> = process.stdout) {
    this.isInteractive = stream.isTTY === true && process.env['TERM'] !== 'dumb';
  }

  /** Prints a line above the frame. */
  line(text = ''): void {
    this.stream.write(`${this.erase()}${text}\n${this.draw()}`);
  }

  /** Replaces the frame; an empty one removes it. Does nothing where there is no terminal. */
  setFrame(lines: readonly string[]): void {
    if (!this.isInteractive) return;
    this.frame = lines;
    this.stream.write(this.erase() + this.draw());
  }

  /** Lets the frame stand where it is, as ordinary lines. */
  keepFrame(): void {
    this.frame = [];
    this.drawn = 0;
  }

  private erase(): string {
    // Up to the first line of the frame, then everything below is cleared.
    const codes = this.drawn > 0 ? `\u001B[${this.drawn}F\u001B[0J` : '';
    this.drawn = 0;
    return codes;
  }

  private draw(): string {
    this.drawn = this.frame.length;
    // A line that wraps would take two rows, and the next redraw would leave one behind.
    const width = this.stream.columns || 80;
    return this.frame.map((line) => `${cut(line, width)}\n`).join('');
  }
}

/** The first `width` visible characters; colour codes take no room. */
function cut(line: string, width: number): string {
  let visible = 0;
  let result = '';
  // oxlint-disable-next-line no-control-regex
  for (const [part = ''] of line.matchAll(/\u001B\[[\d;]*m|./gu)) {
    const isCode = part.startsWith('\u001B');
    if (!isCode && ++visible > width) continue;
    result += part;
  }
  return result;
}
