import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** One line that a service wrote. */
export interface LogLine {
  /** As written. */
  text: string;
  /** Its fields when it is a JSON object, as all our services' lines are; undefined for anything else, such as a crash report of Node. */
  fields: Readonly<Record<string, unknown>> | undefined;
}

/** Calls `onLine` for each line of a stream. */
export function readLines(stream: Readable, onLine: (line: LogLine) => void): void {
  createInterface({ input: stream, crlfDelay: Infinity }).on('line', (text) =>
    onLine({ text, fields: parseFields(text) }),
  );
}

function parseFields(text: string): Record<string, unknown> | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
