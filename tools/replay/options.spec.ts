import { describe, expect, it } from 'vitest';
import { readOptions } from './options.js';

describe('readOptions', () => {
  it('replays at recorded speed and without an outage unless told otherwise', () => {
    expect(readOptions(['--arrivals', 'a.csv'])).toMatchObject({
      arrivalsFile: 'a.csv',
      speed: 1,
      kill: undefined,
      limitSeconds: undefined,
    });
  });

  it('takes an outage in seconds of the recording', () => {
    const args = ['--arrivals', 'a.csv', '--kill', 'openai', '--kill-from', '100', '--kill-to', '200'];
    expect(readOptions(args).kill).toEqual({ provider: 'openai', fromSeconds: 100, toSeconds: 200 });
  });

  it.each([
    [[], /--arrivals is missing/],
    [['--arrivals', 'a', '--speed', '0'], /--speed is "0"; give a number of at least/],
    [['--arrivals', 'a', '--limit-seconds', ''], /--limit-seconds is ""/],
    [['--arrivals', 'a', '--kill', 'openai'], /belong together/],
    [
      ['--arrivals', 'a', '--kill', 'openai', '--kill-from', '2', '--kill-to', '2'],
      /--kill-to 2 must be later than --kill-from 2/,
    ],
    [['--arrivals', 'a', '--faster'], /'--faster'/],
  ])('refuses %j and names the argument', (args, message) => {
    expect(() => readOptions(args)).toThrow(message);
  });
});
