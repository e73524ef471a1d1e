import { randomBytes } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseConfig } from '#libs/config';
import { FleetClock } from '#libs/redis';
import { ModelListings } from '#libs/store';
import { createLogger, createRegistry, ModelListMetrics } from '#libs/telemetry';
import { simulatorAdmin, uniquePrefix } from '#libs/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ModelListService } from './model-list.service.js';
import { ModelWatchService } from './model-watch.service.js';

const simulator = simulatorAdmin(process.env.SIMULATOR_URL!);
const redisUrl = process.env.REDIS_URL!;
const intervalMs = 600_000;
const closers: (() => unknown)[] = [];
let prefix: string;
let listings: ModelListings;
let provider: string;

beforeEach(async () => {
  vi.stubEnv('LOG_LEVEL', 'debug');
  prefix = uniquePrefix();
  provider = `listed-${randomBytes(4).toString('hex')}`;
  listings = new ModelListings({ redisUrl, prefix });
  closers.push(() => listings.close());
  await vi.waitFor(() => listings.read([provider]));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const close of closers.splice(0).toReversed()) await close();
});

interface WatchOptions {
  baseUrl?: string;
  kind?: string;
  models?: string[];
  /** How many intervals later it is. */
  later?: number;
  turnMs?: number;
  /** It dies as soon as it has the turn. */
  dies?: boolean;
}

/** The watch of one prober. */
async function startWatch(options: WatchOptions = {}) {
  const { baseUrl = `${simulator.url}/${provider}/v1`, kind = 'openai-compatible', models = ['a', 'b'] } = options;
  const config = parseConfig(
    `
providers: { ${provider}: { kind: ${kind}, baseUrl: '${baseUrl}', apiKey: the-secret-key } }
targets: [${models.map((model) => `{ provider: ${provider}, model: ${model} }`).join(', ')}]
probes: { modelsIntervalMs: ${intervalMs}, jitter: 0 }
`,
    {},
  );
  const clock = new FleetClock(async () => Date.now() + (options.later ?? 0) * intervalMs);
  await clock.sync();
  const lines: Record<string, unknown>[] = [];
  const write = (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>);
  const logger = createLogger({ name: 'prober', destination: { write } });
  const registry = createRegistry();
  const metrics = new ModelListMetrics(registry, [provider]);
  const lists = new ModelListService(listings, clock, metrics, logger);
  const dying = { ask: () => new Promise<never>(() => undefined) };
  const watch = new ModelWatchService(config, clock, listings, options.dies ? dying : lists, logger, {
    firstLookWithinMs: 10,
    turnMs: options.turnMs ?? 60_000,
    retryMs: 50,
  });
  const stop = () => {
    watch.stop();
    lists.stop();
  };
  closers.push(stop);
  watch.start();
  const metric = async (result: string) =>
    new RegExp(`ai_model_lists_total\\{provider="${provider}",result="${result}"\\} (\\d+)`).exec(
      await registry.metrics(),
    )?.[1];
  return { lines, metric, stop, told: () => lines.map(({ event, target, level }) => [level, event, target]) };
}

const asked = async () => (await simulator.calls({ provider, operation: 'models' })).total;
const known = async () => (await listings.read([provider]))[0];
const untilKnown = (expected: object) => vi.waitFor(async () => expect(await known()).toMatchObject(expected));

describe('the watch over models', () => {
  it('asks each provider once per interval, however many probers there are and whenever they start', async () => {
    await simulator.createProvider(provider, { models: { a: {}, b: {} } });
    await Promise.all([startWatch(), startWatch(), startWatch()]);
    await untilKnown({ failure: null, targets: { [`${provider}/a`]: { listed: true, shutdownAt: null } } });
    const late = await startWatch();
    const other = await startWatch({ later: 1 });
    await vi.waitFor(async () => expect(await other.metric('good')).toBe('1'));
    expect(await late.metric('good')).toBe('0');
    expect(await asked()).toBe(2);
    expect([...late.lines, ...other.lines]).toEqual([]);
  });

  it('asks again in the same interval when there is another model to know of', async () => {
    await simulator.createProvider(provider, { models: { a: {}, b: {}, c: {} } });
    await startWatch({ models: ['a'] });
    await untilKnown({ targets: { [`${provider}/a`]: {} } });
    await startWatch({ models: ['a', 'c'] });
    await untilKnown({ targets: { [`${provider}/c`]: { listed: true } } });
    expect(await asked()).toBe(2);
  });

  it('asks in place of a prober that died with the turn', async () => {
    await simulator.createProvider(provider, { models: { a: {}, b: {} } });
    const take = vi.spyOn(listings, 'take');
    await startWatch({ turnMs: 500, dies: true });
    await vi.waitFor(() => expect(take).toHaveResolvedWith('ours'));
    await startWatch({ turnMs: 500 });
    await vi.waitFor(() => expect(take).toHaveResolvedWith('taken'));
    await untilKnown({ failure: null });
  });

  it('tells a model that is missing and one that ends, in one line each, once', async () => {
    const day = '2027-01-14';
    const models = { a: { listed: false }, b: { shutdownDate: day } };
    await simulator.createProvider(provider, { models });
    const first = await startWatch();
    await untilKnown({ targets: { [`${provider}/b`]: { shutdownAt: Date.parse(day) } } });
    await vi.waitFor(() => expect(first.lines).toHaveLength(2));
    expect(first.lines).toMatchObject([
      { level: 'warn', event: 'llm.model.change', target: `${provider}/a`, listed: false, shutdown_date: null },
      { level: 'warn', event: 'llm.model.change', target: `${provider}/b`, listed: true, shutdown_date: day },
    ]);
    const second = await startWatch({ later: 1 });
    await vi.waitFor(async () => expect(await second.metric('good')).toBe('1'));
    expect(second.lines).toEqual([]);

    await simulator.createProvider(provider, { models: { a: {}, b: {} } });
    const third = await startWatch({ later: 2 });
    await vi.waitFor(() => expect(third.told()).toHaveLength(2));
    expect(third.told().map(([level]) => level)).toEqual(['info', 'info']);
  });

  it("reads Anthropic's list, which has no dates", async () => {
    await simulator.createProvider(provider, { models: { a: { shutdownDate: '2027-01-14' } } });
    const { lines } = await startWatch({ kind: 'anthropic' });
    await untilKnown({
      targets: {
        [`${provider}/a`]: { listed: true, shutdownAt: null },
        [`${provider}/b`]: { listed: false, shutdownAt: null },
      },
    });
    await vi.waitFor(() => expect(lines).toMatchObject([{ target: `${provider}/b`, listed: false }]));
  });

  it('asks nobody when it is off', () => {
    const config = parseConfig(
      `
providers: { ${provider}: { kind: openai-compatible, baseUrl: '${simulator.url}/${provider}/v1' } }
targets: [{ provider: ${provider}, model: a }]
probes: { modelsIntervalMs: off }
`,
      {},
    );
    const timer = vi.spyOn(globalThis, 'setTimeout');
    const lists = { ask: () => Promise.resolve() };
    new ModelWatchService(config, new FleetClock(async () => 0), listings, lists, createLogger({ name: 'x' })).start();
    expect(timer).not.toHaveBeenCalled();
    timer.mockRestore();
  });

  it('cuts its question when it is stopped, and leaves it to another', async () => {
    const [calls, cut] = [vi.fn(), vi.fn()];
    const baseUrl = await startServer((_request, response) => {
      calls();
      response.on('close', cut);
    });
    const { lines, stop } = await startWatch({ baseUrl });
    await vi.waitFor(() => expect(calls).toHaveBeenCalled());
    stop();
    await vi.waitFor(() => expect(cut).toHaveBeenCalled());
    expect(await known()).toBe(null);
    expect(lines).toEqual([]);
  });
});

/** Somebody who answers the list of models as it is told to, on a real socket. */
async function startServer(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
}

const sending = (status: number, text: string, type = 'application/json'): RequestListener => {
  return (_request, response) => void response.writeHead(status, { 'content-type': type }).end(text);
};

/** As fast as it is read, and no end in sight. */
const flooding: RequestListener = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.write('{"data":[');
  const part = `${JSON.stringify({ id: 'x'.repeat(64 * 1024) })},`;
  let left = 100 * 1024 * 1024;
  const more = () => {
    while (left > 0 && !response.destroyed) {
      left -= part.length;
      if (!response.write(part)) return void response.once('drain', more);
    }
    response.end('{"id":"a"}]}');
  };
  more();
};

describe('a list that is of no use', () => {
  const KNOWN = { a: { listed: true, shutdownAt: null }, b: { listed: true, shutdownAt: Date.parse('2027-01-14') } };

  it.each<[what: string, level: string, failure: string, answer: RequestListener]>([
    ['a page', 'warn', 'bad_response', sending(200, '<html>Welcome</html>', 'text/html')],
    ['null', 'warn', 'bad_response', sending(200, 'null')],
    ['a list of another kind', 'warn', 'bad_response', sending(200, '{"data":{"a":1}}')],
    ['cut JSON', 'warn', 'bad_response', sending(200, '{"data":[{"id":"a"')],
    ['100 MB', 'warn', 'bad_response', flooding],
    ['a refused key', 'warn', 'auth', sending(401, '{"error":{"message":"bad key the-secret-key"}}')],
    ['a server in trouble', 'warn', 'overloaded', sending(503, '')],
    ['no such page', 'debug', 'model_gone', sending(404, '')],
    ['nothing implemented', 'debug', 'server_error', sending(501, '')],
    ['no models', 'debug', 'empty', sending(200, '{"data":[]}')],
    ['entries of wrong types', 'debug', 'empty', sending(200, '{"data":[1,null,"a",{"id":7},[],{"name":"a"}]}')],
  ])('%s changes nothing, and is told once (%s)', async (_what, level, failure, answer) => {
    let listener = sending(200, '{"data":[{"id":"a"},{"id":"b","shutdown_date":"2027-01-14"}]}');
    const baseUrl = await startServer((request, response) => listener(request, response));
    await startWatch({ baseUrl });
    await untilKnown({ failure: null, targets: { [`${provider}/a`]: KNOWN.a, [`${provider}/b`]: KNOWN.b } });

    listener = answer;
    const bad = await startWatch({ baseUrl, later: 1 });
    await untilKnown({ failure });
    await vi.waitFor(() => expect(bad.told()).toEqual([[level, 'llm.model.list_failed', undefined]]));
    expect(JSON.stringify(bad.lines)).not.toContain('the-secret-key');
    expect(await bad.metric(failure === 'empty' ? 'empty' : 'failed')).toBe('1');
    expect(await known()).toMatchObject({ targets: { [`${provider}/a`]: KNOWN.a, [`${provider}/b`]: KNOWN.b } });

    const again = await startWatch({ baseUrl, later: 2 });
    await vi.waitFor(async () => expect(await again.metric(failure === 'empty' ? 'empty' : 'failed')).toBe('1'));
    expect(again.lines).toEqual([]);
  });

  it('dates that are none are no dates', async () => {
    const data = ['soon', '2027-02-30', '1970-01-01', 5, null, {}].map((shutdown_date, i) => ({
      id: `m${i}`,
      shutdown_date,
    }));
    const baseUrl = await startServer(sending(200, JSON.stringify({ data })));
    const { lines, metric } = await startWatch({ baseUrl, models: data.map(({ id }) => id) });
    await vi.waitFor(async () => expect(await metric('good')).toBe('1'));
    const targets = Object.values((await known())!.targets);
    expect(targets).toHaveLength(data.length);
    for (const target of targets) expect(target).toMatchObject({ listed: true, shutdownAt: null });
    expect(lines).toEqual([]);
  });
});
