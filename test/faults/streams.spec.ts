import { CompletionClient, type StreamEvent } from '#libs/client';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { ask, startStreamingStack, type StreamingStack, type StreamPair } from '../journeys/streaming.fixture.js';

let system: StreamingStack;
beforeAll(async () => {
  system = await startStreamingStack({ same: 2, other: 1 });
}, 90_000);
afterAll(() => system?.stack.stop());

/** Kills the one router as soon as the provider has begun to answer, and starts another. */
async function killRouter() {
  const { stack } = system;
  const router = stack.processes.find(({ name, running }) => name.startsWith('router') && running)!;
  router.kill('SIGKILL');
  await router.exited;
  await stack.add('router');
}

// A killed router's job is taken over after some seconds, and a new process takes its time to start.
describe('a router that is killed in the middle of a stream', { timeout: 90_000 }, () => {
  it('is a restart for whoever reads along, and the whole answer comes in the end', async () => {
    const { stack } = system;
    const client = new CompletionClient({ redisUrl: stack.redisUrl, prefix: stack.prefix });
    onTestFinished(() => client.close());
    const events: StreamEvent[] = [];
    for await (const event of client.stream(ask(system.pair(), 100), { timeoutMs: 60_000 })) {
      events.push(event);
      if (event.type === 'chunk' && events.length === 5) await killRouter();
    }
    const kinds = events.map(({ type }) => type).filter((type, i, all) => type !== all[i - 1]);
    expect(kinds).toEqual(['enqueued', 'chunk', 'restarted', 'chunk', 'completed']);
    expect(events.find(({ type }) => type === 'restarted')).toMatchObject({ reason: 'lost' });
  });

  const streamThroughDeath = async (pair: StreamPair, delivery: string) => {
    const stream = await system.openai.chat.completions.create(
      { ...ask(pair, 100), stream: true },
      { headers: { 'x-understudy-stream': delivery, 'x-understudy-timeout-ms': '60000' } },
    );
    const chunks: OpenAI.ChatCompletionChunk[] = [];
    for await (const chunk of stream) {
      chunks.push(chunk);
      if (delivery === 'live' && chunks.length === 5) await killRouter();
    }
    return chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');
  };

  it('is not seen in a live stream when the same words come again', async () => {
    const pair = system.pair();
    const text = await streamThroughDeath(pair, 'live');
    expect(text).toBe(await system.textOf(pair, 0, 100));
  });

  it('is not seen in a whole stream', async () => {
    const pair = system.pair('other');
    const reading = streamThroughDeath(pair, 'whole');
    await vi.waitFor(async () => {
      const { total } = await system.simulator.calls({ provider: pair.first });
      expect(total).toBeGreaterThan(0);
    });
    await killRouter();
    expect((await reading).length).toBeGreaterThan(0);
  });
});
