import { CompletionClient } from '#libs/client';
import { redisKeys } from '#libs/contracts';
import { closeRedis, connectRedis } from '#libs/redis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Pair, startPair } from './guarantees.fixture.js';

const redisUrl = process.env.REDIS_URL!;
const request = { model: 'm1', messages: [{ role: 'user', content: 'hello' }] };

let pair: Pair;
let clients: CompletionClient[];

beforeEach(async () => {
  pair = await startPair({ redisUrl, simulatorUrl: process.env.SIMULATOR_URL! });
  clients = [1, 2, 3].map(() => new CompletionClient({ redisUrl, prefix: pair.router.prefix }));
});
afterEach(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await pair.stop();
});

/** As many callers as are asked for, spread over three processes' worth of clients. */
const ask = (callers: number, idempotencyKey: string) =>
  Promise.allSettled(
    Array.from({ length: callers }, (_, i) => clients[i % 3]!.complete(request, { idempotencyKey, timeoutMs: 20_000 })),
  );

describe('callers with one idempotency key', () => {
  it('cost one set of provider calls, failover included, and get its one result', async () => {
    await pair.fault({ kind: 'status', status: 503 });
    const answers = await ask(600, 'order-1');
    const bodies = answers.map((answer) => (answer.status === 'fulfilled' ? JSON.stringify(answer.value) : 'failed'));
    expect(new Set(bodies).size).toBe(1);
    expect(answers[0]).toMatchObject({ value: { understudy: { target: 'two' } } });
    const firstCalls = (await pair.callsToFirst()).length;
    expect(firstCalls + (await pair.callsToSecond()).length).toBe(JSON.parse(bodies[0]!).understudy.attempts.length);
    // Asked again later: the same result, and not one call more.
    const again = await clients[2]!.complete(request, { idempotencyKey: 'order-1' });
    expect(JSON.stringify(again)).toBe(bodies[0]);
    expect(await pair.callsToFirst()).toHaveLength(firstCalls);
  });

  it('all get its one failure, and a new job once that has expired', async () => {
    for (const fault of [pair.fault, pair.faultOfSecond]) await fault({ kind: 'status', status: 400 });
    const failures = await ask(60, 'order-2');
    for (const failure of failures) expect(failure).toMatchObject({ reason: { code: 'request_rejected' } });
    expect(await pair.callsToFirst()).toHaveLength(1);
    await pair.revive();
    const jobId = (failures[0] as PromiseRejectedResult).reason.jobId as string;
    const redis = connectRedis({ url: redisUrl, name: 'test', patience: 'patient' });
    await redis.del(redisKeys(pair.router.prefix).result(jobId));
    await closeRedis(redis);
    const [anew] = await ask(1, 'order-2');
    expect(anew).toMatchObject({ value: { understudy: { jobId, target: 'one' } } });
  });
});
