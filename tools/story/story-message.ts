import type { TrafficFigures } from '../traffic/tally.js';

/** What the story tells the process that owns the terminal: one JSON object per line on stdout. */
export type StoryMessage =
  /** The live table, to be redrawn in place. */
  | { frame: string[] }
  /** Something happened. */
  | { line: string }
  /** The end. */
  | { summary: StorySummary };

/** How the story went. */
export interface StorySummary extends TrafficFigures {
  /** Whether a provider was killed and revived. */
  isStaged: boolean;
  /** Whether the preferred provider got its traffic back; true when nothing was staged. */
  cameBack: boolean;
}

/** Writes one message. */
export function tell(message: StoryMessage): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

/** Reads a message back; undefined when the fields are those of something else, such as a log line. */
export function asStoryMessage(fields: Readonly<Record<string, unknown>> | undefined): StoryMessage | undefined {
  return fields && ('frame' in fields || 'line' in fields || 'summary' in fields)
    ? (fields as unknown as StoryMessage)
    : undefined;
}
