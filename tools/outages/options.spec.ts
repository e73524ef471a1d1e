import { describe, expect, it } from 'vitest';
import { POLICY_NAMES, readOptions } from './options.js';

const FILES = ['--incidents', 'i.csv', '--arrivals', 'a.csv'];

describe('readOptions', () => {
  it('compares all policies over all of the time unless told otherwise', () => {
    expect(readOptions(FILES)).toMatchObject({
      policies: POLICY_NAMES,
      thirdProvider: false,
      fromMs: undefined,
      toMs: undefined,
      seed: 1,
      deadlineMs: 86_400_000,
    });
  });

  it('reads one policy, a part of the time and a load', () => {
    const args = [
      '--policy',
      'ordered',
      '--from',
      '2023-11-08',
      '--to',
      '2023-11-08T18:00:00Z',
      '--jobs-per-hour',
      '9',
    ];
    expect(readOptions([...FILES, ...args, '--third-provider'])).toMatchObject({
      policies: ['ordered'],
      thirdProvider: true,
      fromMs: Date.UTC(2023, 10, 8),
      toMs: Date.UTC(2023, 10, 8, 18),
      jobsPerHour: 9,
    });
  });

  it.each([
    [[...FILES, '--from', '2023-02-30'], '--from is "2023-02-30"'],
    [[...FILES, '--to', '2023-11-08T13:00'], '--to is "2023-11-08T13:00"'],
    [['--arrivals', 'a.csv'], '--incidents is missing'],
    [['--incidents', 'i.csv'], '--arrivals is missing'],
    [[...FILES, '--policy', 'best'], '--policy best'],
    [[...FILES, '--from', 'soon'], '--from is "soon"'],
    [[...FILES, '--from', '2024-02-01', '--to', '2024-01-01'], '--to 2024-01-01 must be later'],
    [[...FILES, '--jobs-per-hour', '0'], '--jobs-per-hour is "0"'],
    [[...FILES, '--jobs-per-hour', 'NaN'], '--jobs-per-hour is "NaN"'],
    [[...FILES, '--seed=-1'], '--seed is "-1"'],
    [[...FILES, '--deadline-hours', ''], '--deadline-hours is ""'],
    [[...FILES, '--fast'], "Unknown option '--fast'"],
  ])('refuses %j and names what is wrong', (args, expected) => {
    expect(() => readOptions(args)).toThrow(expected);
  });
});
