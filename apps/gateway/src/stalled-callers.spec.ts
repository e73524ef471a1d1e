import { connect, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ChunkWriter } from '#libs/queue';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { answerTo, startGateway, type GatewaySetup, type GatewayUnderTest } from './gateway.fixture.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const MB = 1_000_000;
const callers: Socket[] = [];
const running: GatewayUnderTest[] = [];
afterEach(async () => {
  for (const caller of callers.splice(0)) caller.destroy();
  await Promise.all(running.splice(0).map((door) => door.stop()));
});

async function open(setup: GatewaySetup): Promise<GatewayUnderTest> {
  const door = await startGateway(setup);
  running.push(door);
  return door;
}

type Form = 'live' | 'whole' | 'json';

/** A caller that asks, and reads nothing. */
function askAndStare(door: GatewayUnderTest, form: Form): void {
  const body = JSON.stringify({
    model: 'gpt-4',
    stream: form !== 'json',
    messages: [{ role: 'user', content: 'a secret prompt' }],
  });
  const caller = connect(Number(new URL(door.url).port), '127.0.0.1');
  callers.push(caller.pause());
  caller.on('error', () => undefined);
  caller.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-understudy-stream: ${form === 'json' ? 'live' : form}\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
}

const metricsOf = async ({ url }: GatewayUnderTest) => (await fetch(`${url}/metrics`)).text();
const stalls = (door: GatewayUnderTest) => door.lines.filter((line) => line.includes('llm.caller.stalled'));

/** What is held in this process, gateway and all. */
function heldBytes(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

describe('a caller that does not read', () => {
  it.each<Form>(['live', 'whole'])(
    'and is sent a %s stream costs one copy of its answer, however many wait like that',
    async (form) => {
      const size = 8 * MB;
      const door = await open({ script: (job, jobId) => answerTo(job, jobId, 'tokens '.repeat(size / 7)) });
      const before = heldBytes();
      for (let i = 0; i < 4; i++) askAndStare(door, form);
      await vi.waitFor(() => expect(door.jobs).toHaveLength(4), 10_000);
      // Each has been sent what the kernel takes, and no more.
      await vi.waitFor(async () => expect(await metricsOf(door)).toMatch(begun(form, 4)), 10_000);
      await vi.waitFor(() => expect(heldBytes() - before).toBeLessThan(4 * size * 1.4), {
        timeout: 10_000,
        interval: 500,
      });
    },
  );

  it.each<[Form, answer: string]>([
    ['live', 'stream'],
    ['whole', 'stream'],
    ['json', 'json'],
  ])('and is sent %s is hung up on, counted, and told of in one line', async (form, answer) => {
    const content = 'words and '.repeat(2 * MB);
    const door = await open({ script: (job, jobId) => answerTo(job, jobId, content), stalledAfterMs: 300 });
    askAndStare(door, form);
    await vi.waitFor(async () => {
      expect(await metricsOf(door)).toContain(`ai_callers_stalled_total{answer="${answer}"} 1`);
    }, 15_000);
    expect(stalls(door)).toHaveLength(1);
    expect(JSON.parse(stalls(door)[0]!)).toMatchObject({ level: 'warn', answer, job_id: expect.any(String) });
    expect(stalls(door)[0]).not.toMatch(/secret|words and/);
    if (form !== 'json')
      expect(await metricsOf(door)).toContain(`ai_streams_total{delivery="${form}",outcome="left"} 1`);
  });

  it('takes its job back when that is still under way, like one that leaves', async () => {
    const door = await open({ stalledAfterMs: 300 });
    askAndStare(door, 'live');
    await vi.waitFor(() => expect(door.jobs).toHaveLength(1), 10_000);
    const jobId = door.jobIds[0]!;
    const writer = new ChunkWriter({ redisUrl: process.env.REDIS_URL!, prefix: door.prefix });
    const chunks = writer.open(jobId, 1);
    chunks.attemptBegins(1, 'lost');
    // What a first chunk says beside its text stands in all that the caller is sent: 30 MB, where 1 MB is published.
    const first = { system_fingerprint: 'f'.repeat(5_000) };
    for (let i = 0; i < 6_000; i++)
      chunks.said(
        { number: 1, target: 'a/gpt-4' },
        { ...(i === 0 && first), choices: [{ index: 0, delta: { content: 'word ' } }] },
      );
    await vi.waitFor(async () => {
      const job = await (await fetch(`${door.url}/v1/jobs/${jobId}`)).json();
      expect(job).toMatchObject({ state: 'cancelled' });
    }, 15_000);
    await writer.close();
    expect(stalls(door)).toHaveLength(1);
    expect(await metricsOf(door)).toContain('ai_callers_left_total{job="cancelled"} 1');
  });

  it('is left alone as long as there is nothing for it to read', async () => {
    const door = await open({ stalledAfterMs: 100 });
    const reply = await fetch(`${door.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'x-understudy-timeout-ms': '1500' },
      body: JSON.stringify({ model: 'gpt-4', messages: [{ role: 'user', content: 'hello' }] }),
    });
    expect(reply.status).toBe(504);
    expect(stalls(door)).toEqual([]);
  });
});

const begun = (form: Form, count: number) =>
  new RegExp(`ai_stream_first_byte_seconds_count\\{delivery="${form}"\\} ${count}\\b`);
