import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { simulatorAdmin, startStack, type Stack } from '#libs/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';

// Somebody who has read docs/other-languages.md and has never heard of our client.

const run = promisify(execFile);
const provider = `plain-${randomBytes(4).toString('hex')}`;
const simulator = simulatorAdmin(process.env.SIMULATOR_URL!);
let stack: Stack;
let folder: string;

beforeAll(async () => {
  await simulator.createProvider(provider, { models: { m: {} }, latency: { kind: 'fixed', ms: 10 } });
  stack = await startStack({
    apps: { router: 1, gateway: 1 },
    config: `
providers: { ${provider}: { kind: openai-compatible, baseUrl: '\${SIMULATOR_URL}/${provider}/v1' } }
targets: [{ provider: ${provider}, model: m }]
`,
  });
  folder = await mkdtemp(join(tmpdir(), 'understudy-plain-'));
  await mkdir(join(folder, 'node_modules'));
  for (const name of ['bullmq', 'ioredis'])
    await symlink(resolve('node_modules', name), join(folder, 'node_modules', name));
});
afterAll(async () => {
  await stack?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The lines in one language as they stand in the documentation. */
async function documented(language: 'js' | 'python' | 'sh'): Promise<string> {
  const text = await readFile('docs/other-languages.md', 'utf8');
  return new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'm').exec(text)![1]!;
}

/** Runs the documented lines, with something changed in them. */
async function runDocumented(change: (code: string) => string = (code) => code) {
  const code = await documented('js');
  const file = join(folder, 'producer.mjs');
  await writeFile(file, change(code));
  const env = { PATH: process.env.PATH, REDIS_URL: stack.redisUrl, UNDERSTUDY_PREFIX: stack.prefix };
  return run(process.execPath, [file], { cwd: folder, env });
}

it('the documented lines enqueue a job with plain BullMQ, and print its answer', async () => {
  const { stdout, stderr } = await runDocumented();
  expect(stderr).toBe('');
  expect(stdout.trim()).not.toBe('');
  expect((await simulator.calls({ provider })).total).toBe(1);
});

it('a job that does not fit the contract fails with invalid_request for whoever waits, and calls nobody', async () => {
  const { stderr } = await runDocumented((code) => code.replace("role: 'user', ", ''));
  expect(stderr.trim()).toBe('invalid_request');
  expect((await simulator.calls({ provider })).total).toBe(1);
});

it('the documented lines of Python do the same', async ({ skip }) => {
  const missing = await run('python3', ['-c', 'import bullmq, redis.asyncio']).then(
    () => undefined,
    (error: Error) => error.message.trim().split('\n').at(-1),
  );
  skip(missing !== undefined, `needs python3 with the package bullmq: ${missing}`);
  const before = (await simulator.calls({ provider })).total;
  const env = { PATH: process.env.PATH, REDIS_URL: stack.redisUrl, UNDERSTUDY_PREFIX: stack.prefix };
  const { stdout, stderr } = await run('python3', ['-c', await documented('python')], { env });
  expect(stderr).toBe('');
  expect(stdout.trim()).not.toBe('');
  expect((await simulator.calls({ provider })).total).toBe(before + 1);
});

it('the documented lines of curl hand in a job over HTTP and fetch its result; repeated, they get the same one', async () => {
  const env = { PATH: process.env.PATH, GATEWAY: stack.app('gateway').url };
  const before = (await simulator.calls({ provider })).total;
  const lines = await documented('sh');
  const first = JSON.parse((await run('sh', ['-ec', lines], { env })).stdout) as Record<string, unknown>;
  expect(first).toMatchObject({ object: 'job', state: 'completed', result: { understudy: { jobId: first['id'] } } });
  expect(JSON.parse((await run('sh', ['-ec', lines], { env })).stdout)).toEqual(first);
  expect((await simulator.calls({ provider })).total).toBe(before + 1);
});
