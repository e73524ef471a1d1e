import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { mergeOverlaps, readIncidents, type Incident } from './incidents.js';

const folder = mkdtempSync(join(tmpdir(), 'incidents-'));
afterAll(() => rmSync(folder, { recursive: true }));

const HEADER = 'provider,start,end,impact';
const GOOD = 'openai,2024-01-01T00:00:00Z,2024-01-01T01:00:00Z,1';

function read(...lines: string[]) {
  const file = join(folder, `${Math.random()}.csv`);
  writeFileSync(file, lines.join('\n'));
  return readIncidents(file, ['openai', 'anthropic']);
}

describe('readIncidents', () => {
  it('gives the pieces of each provider in the order of time', () => {
    const rows = read(HEADER, GOOD, 'anthropic,2023-05-01T00:00:00Z,2023-05-01T00:30:00Z,4', '');
    expect(rows).toEqual([
      { provider: 'openai', startMs: Date.UTC(2024, 0, 1), endMs: Date.UTC(2024, 0, 1, 1), impact: 1 },
      { provider: 'anthropic', startMs: Date.UTC(2023, 4, 1), endMs: Date.UTC(2023, 4, 1, 0, 30), impact: 4 },
    ]);
  });

  it('reads what a spreadsheet saves: a byte order mark and CRLF', () => {
    expect(read(`\uFEFF${HEADER}\r\n${GOOD}\r\n`)).toHaveLength(1);
  });

  it.each([
    ['an end before its start', 'openai,2024-01-02T00:00:00Z,2024-01-01T00:00:00Z,1', 'line 3, column end'],
    ['an end at its start', 'openai,2024-01-02T00:00:00Z,2024-01-02T00:00:00Z,1', 'line 3, column end'],
    ['an unknown impact', 'openai,2024-01-01T00:00:00Z,2024-01-01T01:00:00Z,5', 'line 3, column impact: "5"'],
    ['no impact', 'openai,2024-01-01T00:00:00Z,2024-01-01T01:00:00Z,', 'line 3, column impact'],
    ['an unknown provider', 'acme,2024-01-01T00:00:00Z,2024-01-01T01:00:00Z,1', 'line 3, column provider: "acme"'],
    ['a start that is no date', 'openai,yesterday,2024-01-01T01:00:00Z,1', 'line 3, column start: "yesterday"'],
    ['a day that does not exist', 'openai,2024-02-30T00:00:00Z,2024-03-01T01:00:00Z,1', 'line 3, column start'],
    ['a time without its zone', 'openai,2024-01-01T00:00:00,2024-01-01T01:00:00Z,1', 'line 3, column start'],
    ['a column too few', 'openai,2024-01-01T00:00:00Z,1', 'line 3: has 3 columns'],
  ])('names line and column of %s', (_, row, expected) => {
    expect(() => read(HEADER, GOOD, row)).toThrow(expected);
  });

  it('names the header that it expects', () => {
    expect(() => read('provider;start;end;impact', GOOD)).toThrow(HEADER);
    expect(() => read('')).toThrow('line 1');
  });

  it('refuses a file without incidents, and one that is not there', () => {
    expect(() => read(HEADER)).toThrow('no incidents');
    expect(() => readIncidents(join(folder, 'nowhere.csv'), ['openai'])).toThrow('cannot be read (ENOENT)');
  });
});

describe('mergeOverlaps', () => {
  const incident = (startMs: number, endMs: number, impact: number): Incident => ({
    provider: 'openai',
    startMs,
    endMs,
    impact,
  });
  const merged = (...incidents: Incident[]) =>
    mergeOverlaps(incidents).map(({ startMs, endMs, impact }) => [startMs, endMs, impact]);

  it('takes the worst of what overlaps, and only for as long', () => {
    expect(merged(incident(0, 100, 1), incident(20, 40, 3))).toEqual([
      [0, 20, 1],
      [20, 40, 3],
      [40, 100, 1],
    ]);
  });

  it('joins what overlaps or touches with the same impact', () => {
    expect(merged(incident(30, 60, 2), incident(0, 40, 2), incident(60, 70, 2))).toEqual([[0, 70, 2]]);
  });

  it('keeps apart what does not touch', () => {
    expect(merged(incident(50, 60, 2), incident(0, 40, 2))).toEqual([
      [0, 40, 2],
      [50, 60, 2],
    ]);
  });
});
