import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { ReplayInputError } from './options.js';

/** One recorded request. */
export interface Arrival {
  /** Since the start of the recording, in milliseconds. */
  offsetMs: number;
  contextTokens: number;
  generatedTokens: number;
}

const COLUMNS = ['offset_ms', 'context_tokens', 'generated_tokens'] as const;
const HEADER = COLUMNS.join(',');
/** More would not be a token count but a mistake. */
const LARGEST = { offset_ms: Number.MAX_SAFE_INTEGER, context_tokens: 10_000_000, generated_tokens: 10_000_000 };

/**
 * Reads a recording row by row, without holding it in memory.
 * @param limitSeconds leaves out everything from this time on
 * @throws ReplayInputError that names line, column and fix
 */
export async function* readArrivals(file: string, limitSeconds = Infinity): AsyncGenerator<Arrival> {
  const input = createReadStream(file, 'utf8');
  const lines = createInterface({ input, crlfDelay: Infinity });
  let lineNumber = 0;
  let previousMs = 0;
  try {
    for await (const line of lines) {
      lineNumber++;
      const at = `${file}, line ${lineNumber}`;
      if (lineNumber === 1) checkHeader(line, at);
      else if (line !== '') {
        const arrival = parseRow(line, at);
        if (arrival.offsetMs < previousMs)
          throw new ReplayInputError(
            `${at}, column offset_ms: ${arrival.offsetMs} is earlier than the row before (${previousMs}); sort the rows by time`,
          );
        previousMs = arrival.offsetMs;
        if (arrival.offsetMs >= limitSeconds * 1000) return;
        yield arrival;
      }
    }
    if (lineNumber === 0) throw new ReplayInputError(`${file} is empty; the first line must be ${HEADER}`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'EISDIR' || code === 'EACCES')
      throw new ReplayInputError(`--arrivals ${file} cannot be read (${code}); name a CSV file that exists`);
    throw error;
  } finally {
    input.destroy();
  }
}

function checkHeader(line: string, at: string): void {
  if (line.replace(/^\uFEFF/, '') !== HEADER)
    throw new ReplayInputError(`${at}: the header is "${line.slice(0, 80)}"; it must be ${HEADER}`);
}

function parseRow(line: string, at: string): Arrival {
  const cells = line.split(',');
  if (cells.length !== COLUMNS.length)
    throw new ReplayInputError(`${at}: has ${cells.length} columns; it must have ${COLUMNS.length} (${HEADER})`);
  const [offsetMs = 0, contextTokens = 0, generatedTokens = 0] = COLUMNS.map((column, i) => {
    const cell = cells[i] ?? '';
    const value = Number(cell);
    if (!/^\d+$/.test(cell) || value > LARGEST[column])
      throw new ReplayInputError(
        `${at}, column ${column}: "${cell.slice(0, 40)}" must be a whole number from 0 to ${LARGEST[column]}`,
      );
    return value;
  });
  return { offsetMs, contextTokens, generatedTokens };
}

/** Reads all of a recording, so that a mistake in it is told before anything is started. @throws ReplayInputError */
export async function checkArrivals(
  file: string,
  limitSeconds?: number,
): Promise<{ jobs: number; lastOffsetMs: number }> {
  let jobs = 0;
  let lastOffsetMs = 0;
  for await (const { offsetMs } of readArrivals(file, limitSeconds)) {
    jobs++;
    lastOffsetMs = offsetMs;
  }
  if (jobs === 0)
    throw new ReplayInputError(`${file} has no rows to replay${limitSeconds ? ` before second ${limitSeconds}` : ''}`);
  return { jobs, lastOffsetMs };
}
