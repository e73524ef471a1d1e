import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkArrivals, readArrivals, type Arrival } from './arrivals.js';

const HEADER = 'offset_ms,context_tokens,generated_tokens';

describe('readArrivals', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'understudy-arrivals-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const file = (text: string) => {
    const path = join(folder, 'arrivals.csv');
    writeFileSync(path, text);
    return path;
  };
  const read = async (text: string, limitSeconds?: number) => {
    const rows: Arrival[] = [];
    for await (const row of readArrivals(file(text), limitSeconds)) rows.push(row);
    return rows;
  };

  it('gives the rows in order, with Windows line ends and a final empty line too', async () => {
    expect(await read(`${HEADER}\r\n0,374,44\r\n4314,396,109\r\n\r\n`)).toEqual([
      { offsetMs: 0, contextTokens: 374, generatedTokens: 44 },
      { offsetMs: 4314, contextTokens: 396, generatedTokens: 109 },
    ]);
  });

  it('leaves out what comes at the limit or later', async () => {
    expect(await read(`${HEADER}\n0,1,1\n1999,1,1\n2000,1,1\n`, 2)).toHaveLength(2);
  });

  it.each([
    ['a word for a number', '0,1,1\n5,x,1', /line 3, column context_tokens: "x" must be a whole number/],
    ['a fraction', '0.5,1,1', /line 2, column offset_ms: "0.5"/],
    ['a negative number', '0,1,-1', /line 2, column generated_tokens: "-1"/],
    ['an empty cell', '0,,1', /line 2, column context_tokens: ""/],
    ['a number that cannot be a token count', '0,1,99999999999', /line 2, column generated_tokens/],
    ['a missing column', '0,1', /line 2: has 2 columns; it must have 3/],
    ['a column too many', '0,1,1,1', /line 2: has 4 columns/],
    [
      'a row that is earlier than the one before',
      '10,1,1\n9,1,1',
      /line 3, column offset_ms: 9 is earlier than the row before \(10\)/,
    ],
  ])('names line, column and fix for %s', async (_what, rows, message) => {
    await expect(read(`${HEADER}\n${rows}\n`)).rejects.toThrow(message);
  });

  it('shows the header that a file must have', async () => {
    await expect(read('a,b,c\n')).rejects.toThrow(`line 1: the header is "a,b,c"; it must be ${HEADER}`);
    await expect(read('')).rejects.toThrow(`the first line must be ${HEADER}`);
  });

  it('says that a file is missing, or has nothing to replay', async () => {
    await expect(checkArrivals(join(folder, 'none.csv'))).rejects.toThrow(/cannot be read \(ENOENT\)/);
    await expect(checkArrivals(file(`${HEADER}\n5000,1,1\n`), 2)).rejects.toThrow(
      /has no rows to replay before second 2/,
    );
  });
});
