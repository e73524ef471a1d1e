import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { type CompletionJob, QUEUES } from '#libs/contracts';
import { startService, type ServiceProcess } from '#libs/processes';
import { type BullContext, BullServer, ResultStore } from '#libs/queue';
import { uniquePrefix } from '#libs/testing';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { buildClientPackage } from './build-client-package.js';

const run = promisify(execFile);
const EXAMPLE = 'docs/examples/ticket-summaries';
const TSC = resolve('node_modules/typescript/bin/tsc');
/** What `npm install @understudy/client` brings, and what a TypeScript project has. No Nest. */
const INSTALLED = ['@opentelemetry/api', 'bullmq', 'ioredis', 'zod', '@types/node'];

const redisUrl = process.env.REDIS_URL!;
const prefix = uniquePrefix();
let folder: string;
let example: string;
let results: ResultStore;
let worker: BullServer;
let service: ServiceProcess;
let url: string;
const worked: CompletionJob[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'understudy-package-'));
  example = join(folder, 'example');
  await cp(EXAMPLE, example, { recursive: true, filter: (file) => !/node_modules|dist/.test(file) });
  const built = join(folder, 'built');
  await buildClientPackage(built);
  // Packed and unpacked, so that what the package leaves out is missing here too.
  await run('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: built });
  const tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz'));
  await install(example, INSTALLED, tarball!);
  await run(process.execPath, [TSC, '-p', example]).catch((error: unknown) => {
    throw new Error(`The example does not compile:\n${(error as { stdout: string }).stdout}`);
  });

  results = new ResultStore({ redisUrl, prefix, ttlMs: 60_000 });
  worker = new BullServer({ redisUrl, prefix, onError: () => undefined, patience: { drainMs: 100, handBackMs: 100 } });
  worker.addHandler(QUEUES.completion, answerTicket);
  worker.listen(() => undefined);
  service = startService({
    name: 'example',
    entry: 'dist/main.js',
    cwd: example,
    env: { PATH: process.env.PATH, REDIS_URL: redisUrl, UNDERSTUDY_PREFIX: prefix, PORT: '0' },
  });
  url = await vi.waitFor(() => {
    const said = service.lines().find(({ text }) => text.includes('listening on'))?.text;
    expect(said).toBeDefined();
    return said!.split(' ').at(-1)!;
  }, 20_000);
}, 120_000);
afterAll(async () => {
  await service?.stop(5_000);
  await worker?.close();
  await results?.close();
  await rm(folder, { recursive: true, force: true });
});

/** Unpacks the package beside the packages it depends on, which are linked from ours. */
async function install(project: string, packages: string[], tarball: string): Promise<void> {
  const client = join(project, 'node_modules/@understudy/client');
  await mkdir(client, { recursive: true });
  await run('tar', ['xzf', join(folder, tarball), '-C', client, '--strip-components=1']);
  for (const name of packages) {
    const link = join(project, 'node_modules', name);
    await mkdir(dirname(link), { recursive: true });
    await symlink(resolve('node_modules', name), link);
  }
}

/** Summarizes a ticket as a router would have it done; one about dragons takes for ever. */
async function answerTicket(job: CompletionJob, { jobId, signal }: BullContext): Promise<void> {
  worked.push(job);
  const asked = JSON.stringify(job.request.messages);
  if (asked.includes('dragon')) return new Promise((end) => signal.addEventListener('abort', () => end()));
  await results.commit(
    jobId,
    {
      status: 'completed',
      result: {
        choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'It burns.' } }],
        understudy: { jobId, target: 'a/m', attempts: [], queueMs: 0, totalMs: 1 },
      },
    },
    job.replyTo,
  );
}

async function call(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${url}${path}`, { method, ...(body !== undefined && { body: JSON.stringify(body) }) });
  return { status: response.status, body: await response.json() };
}

describe('the package @understudy/client', () => {
  it('has what npm needs to know, with the same versions as here, and documents itself', async () => {
    const client = join(example, 'node_modules/@understudy/client');
    const read = async (file: string) => JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
    const ours = (await read('package.json')) as { version: string; dependencies: Record<string, string> };
    const manifest = await read(join(client, 'package.json'));
    expect(manifest).toMatchObject({
      name: '@understudy/client',
      version: ours.version,
      type: 'module',
      license: 'MIT',
    });
    expect(ours.dependencies).toMatchObject(manifest.dependencies as object);
    expect(await readdir(client)).toEqual(expect.arrayContaining(['README.md', 'LICENSE', 'libs']));
  });

  it('brings no Nest: a project that has none can import it and use it', async () => {
    const script = `
      const { CompletionClient, UnderstudyError } = await import('@understudy/client');
      const client = new CompletionClient({ redisUrl: process.env.REDIS_URL, prefix: process.env.UNDERSTUDY_PREFIX });
      const error = await client.result('nobody').catch((error) => error);
      await client.close();
      console.log(error instanceof UnderstudyError, error.code);
    `;
    const env = { PATH: process.env.PATH, REDIS_URL: redisUrl, UNDERSTUDY_PREFIX: prefix };
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { cwd: example, env });
    expect(stdout.trim()).toBe('true job_not_found');
  });

  it('lets a service crash and ask later, from another process, by the id of its job', async () => {
    const env = { PATH: process.env.PATH, REDIS_URL: redisUrl, UNDERSTUDY_PREFIX: prefix };
    const script = (work: string) => `
      const { CompletionClient } = await import('@understudy/client');
      const client = new CompletionClient({ redisUrl: process.env.REDIS_URL, prefix: process.env.UNDERSTUDY_PREFIX });
      const request = { model: 'm', messages: [{ role: 'user', content: 'It smokes.' }] };
      ${work}
    `;
    const inline = (work: string) =>
      run(process.execPath, ['--input-type=module', '-e', script(work)], { cwd: example, env });
    const enqueue = "process.stdout.write(await client.enqueue(request)); process.kill(process.pid, 'SIGKILL');";
    const crashed = await inline(enqueue).catch((error: unknown) => error as { stdout: string; signal: string });
    expect(crashed).toMatchObject({ signal: 'SIGKILL', stdout: expect.stringMatching(/^[\w-]{36}$/) });
    const ask = `const { choices } = await client.result('${crashed.stdout}', { waitMs: 10_000 });
      console.log(choices[0].message.content); await client.close();`;
    expect((await inline(ask)).stdout.trim()).toBe('It burns.');
  });

  it('has a door of its own for Nest, whose types and code fit', async () => {
    const nest = join(folder, 'nest');
    await mkdir(nest);
    const tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz'))!;
    await install(nest, [...INSTALLED, '@nestjs', 'rxjs', 'reflect-metadata'], tarball);
    const compilerOptions = {
      module: 'nodenext',
      target: 'ES2023',
      strict: true,
      // Our own declarations were checked with the example; Nest's are many.
      skipLibCheck: true,
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
      types: ['node'],
    };
    await writeFile(join(nest, 'package.json'), '{"type":"module"}');
    await writeFile(join(nest, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['app.ts'] }));
    await writeFile(
      join(nest, 'app.ts'),
      `
import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { CompletionClient } from '@understudy/client';
import { UnderstudyModule } from '@understudy/client/nest';

@Injectable()
class Chatbot {
  constructor(readonly client: CompletionClient) {}
}

@Module({
  imports: [UnderstudyModule.forRoot({ redisUrl: process.env.REDIS_URL!, prefix: process.env.UNDERSTUDY_PREFIX! })],
  providers: [Chatbot],
})
class AppModule {}

const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
const models: string[] = await app.get(Chatbot).client.models();
console.log(JSON.stringify(models));
await app.close();
`,
    );
    await run(process.execPath, [TSC, '-p', nest]).catch((error: unknown) => {
      throw new Error((error as { stdout: string }).stdout);
    });
    const env = { PATH: process.env.PATH, REDIS_URL: redisUrl, UNDERSTUDY_PREFIX: prefix };
    const { stdout } = await run(process.execPath, ['app.js'], { cwd: nest, env });
    expect(stdout.trim()).toBe('[]');
  }, 120_000);
});

describe('the example service, on the package', () => {
  it('gives a summary, and the same one for the same ticket, worked on once', async () => {
    const ticket = { text: 'The printer on floor 3 is on fire.', isUrgent: true };
    const first = await call('POST', '/tickets/4711/summary', ticket);
    expect(first).toMatchObject({ status: 200, body: { summary: 'It burns.', by: 'a/m' } });
    expect(await call('POST', '/tickets/4711/summary', ticket)).toEqual(first);
    const { jobId } = first.body as { jobId: string };
    expect(await call('GET', `/summaries/${jobId}`)).toEqual(first);
    const asked = worked.filter((job) => job.idempotencyKey === 'ticket-4711');
    expect(asked).toEqual([
      expect.objectContaining({ tenant: 'support', priority: 'high', deadlineMs: 12 * 3_600_000 }),
    ]);
  });

  it('says which mistake was made, with the status for it', async () => {
    expect(await call('POST', '/tickets/4711/summary', { text: 'Never mind.' })).toMatchObject({
      status: 409,
      body: { code: 'idempotency_conflict' },
    });
    expect(await call('GET', '/summaries/nobody')).toMatchObject({ status: 404, body: { code: 'job_not_found' } });
    expect(await call('POST', '/tickets/summaries', [{ id: 1, text: 'a' }, { id: 'x'.repeat(300) }])).toMatchObject({
      status: 400,
      body: { code: 'invalid_request', error: expect.stringContaining('[1]') },
    });
  });

  it('hands in many tickets at once', async () => {
    const tickets = Array.from({ length: 20 }, (_, i) => ({ id: `${i}`, text: 'It is warm.' }));
    const { status, body } = await call('POST', '/tickets/summaries', tickets);
    expect(status).toBe(202);
    const { jobIds } = body as { jobIds: string[] };
    expect(new Set(jobIds).size).toBe(20);
    expect(await call('GET', `/summaries/${jobIds[19]}`)).toMatchObject({
      status: 200,
      body: { summary: 'It burns.' },
    });
  });

  it('cancels what nobody needs any more', async () => {
    const { body } = await call('POST', '/tickets/summaries', [{ id: 'd', text: 'There is a dragon.' }]);
    const { jobIds } = body as { jobIds: string[] };
    await vi.waitFor(() => expect(worked.at(-1)?.idempotencyKey).toBe('nightly-d'));
    expect(await call('DELETE', `/summaries/${jobIds[0]}`)).toEqual({
      status: 200,
      body: { jobId: jobIds[0], state: 'cancelled' },
    });
    expect(await call('GET', `/summaries/${jobIds[0]}`)).toMatchObject({ status: 410, body: { code: 'cancelled' } });
  });
});
