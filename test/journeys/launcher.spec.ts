import { startService, type ServiceProcess } from '#libs/processes';
import { SLACK_MS, uniquePrefix } from '#libs/testing';
import { describe, expect, it, onTestFinished } from 'vitest';

/** `npm start` without npm, on the Redis of the test run, so that it meets no other run of this clone. */
function launch(env: Record<string, string> = {}): ServiceProcess {
  const { REDIS_URL, PATH, HOME } = process.env;
  const launcher = startService({
    name: 'launcher',
    entry: 'dist/tools/up/main.js',
    env: { PATH, HOME, REDIS_URL, UNDERSTUDY_PREFIX: uniquePrefix(), ...env },
  });
  onTestFinished(() => launcher.stop().then(() => undefined));
  return launcher;
}

const textOf = (launcher: ServiceProcess) =>
  launcher
    .lines()
    .map(({ text }) => text)
    .join('\n');
const isAnswering = (url: string) =>
  fetch(`${url}/live`).then(
    (answer) => answer.ok,
    () => false,
  );

describe('the launcher', () => {
  it(
    'starts every service, sends jobs, and takes everything down within 5 s of a Ctrl-C',
    { timeout: 120_000 },
    async () => {
      const launcher = launch();
      await expect
        .poll(() => textOf(launcher), { timeout: 90_000, interval: 200 })
        .toMatch(/▸ jobs for openai\/gpt-4 are flowing/);
      const urls = [...textOf(launcher).matchAll(/^(?:simulator|prober|aggregator|router|gateway) +(http:\S+)$/gm)].map(
        ([, url]) => url ?? '',
      );
      expect(urls).toHaveLength(5);
      for (const url of urls) expect(await isAnswering(url)).toBe(true);

      const askedAt = performance.now();
      launcher.kill('SIGINT');
      launcher.kill('SIGINT'); // the terminal and npm both deliver it
      expect((await launcher.exited).code).toBe(0);
      expect(performance.now() - askedAt).toBeLessThan(5_000 + SLACK_MS);
      for (const url of urls) expect(await isAnswering(url)).toBe(false);
    },
  );

  it('refuses a configuration with a mistake before it starts anything', { timeout: 30_000 }, async () => {
    const launcher = launch({ UNDERSTUDY_CONFIG: 'package.json' });
    expect((await launcher.exited).code).toBe(1);
    expect(textOf(launcher)).toMatch(/^package.json cannot be used/);
    expect(textOf(launcher)).not.toContain('redis ');
  });
});
