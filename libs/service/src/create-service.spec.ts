import { once } from 'node:events';
import { Agent, createServer, get } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { createLogger, Registry } from '#libs/telemetry';
import { Controller, Get, Inject, Injectable, Module, type OnModuleDestroy } from '@nestjs/common';
import { Server, type CustomTransportStrategy } from '@nestjs/microservices';
import { Counter } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createService, type Service, type ServiceOptions } from './create-service.js';
import { Readiness, type Condition } from './readiness.js';

/** What happened, in order. */
let story: string[];
let lines: Record<string, unknown>[];
let release: () => void;
let held: Promise<void>;
let services: Service[];

@Injectable()
class Dependency implements OnModuleDestroy {
  readonly redis: Condition;

  constructor(
    @Inject(Readiness) readonly readiness: Readiness,
    @Inject(Registry) registry: Registry,
  ) {
    this.redis = readiness.require('redis');
    new Counter({ name: 'spec_calls_total', help: 'Calls', registers: [registry] }).inc(3);
    readiness.stopping.addEventListener('abort', () => story.push('told to stop'));
  }

  onModuleDestroy(): void {
    story.push('module destroyed');
  }
}

@Controller('work')
class WorkController {
  @Get()
  async work(): Promise<string> {
    story.push('request begun');
    await held;
    story.push('request answered');
    return 'done';
  }
}

@Module({ providers: [Dependency], controllers: [WorkController] })
class SpecModule {}

class Transport extends Server implements CustomTransportStrategy {
  listen(callback: () => void): void {
    story.push('handlers started');
    callback();
  }
  async close(): Promise<void> {
    await held;
    story.push('handlers drained');
  }
  on(): void {}
  unwrap<T>(): T {
    return undefined as T;
  }
}

beforeEach(() => {
  story = [];
  lines = [];
  services = [];
  held = new Promise<void>((resolve) => (release = resolve));
  vi.stubEnv('LOG_FORMAT', 'json');
});

afterEach(async () => {
  release();
  await Promise.all(services.map((service) => service.stop()));
  vi.unstubAllEnvs();
});

async function create(options: Partial<ServiceOptions> = {}): Promise<Service> {
  const logger = createLogger({ name: 'spec', destination: { write: (line) => void lines.push(JSON.parse(line)) } });
  const env = { HOST: '127.0.0.1', PORT: 0, SHUTDOWN_DEADLINE_MS: 5_000 };
  const service = await createService({ name: 'spec', env, module: SpecModule, logger, ...options });
  services.push(service);
  return service;
}

const events = () => lines.map((line) => line.event).filter(Boolean);

describe('readiness over HTTP', () => {
  it('is live at once, and ready when every condition is met', async () => {
    const service = await create();
    const url = await service.start();
    expect((await fetch(`${url}/live`)).status).toBe(200);

    const early = await fetch(`${url}/ready`);
    expect(early.status).toBe(503);
    expect(await early.json()).toEqual({ status: 'starting', waitingFor: ['redis'] });

    service.app.get(Dependency).redis.met();
    const late = await fetch(`${url}/ready`);
    expect(late.status).toBe(200);
    expect(await late.json()).toEqual({ status: 'ready' });
  });

  it('waits for the message handlers, and is live meanwhile', async () => {
    let startHandlers = () => {};
    class Slow extends Transport {
      override listen(callback: () => void): void {
        startHandlers = callback;
      }
    }
    const port = await freePort();
    const service = await create({
      strategies: () => [new Slow()],
      env: { HOST: '127.0.0.1', PORT: port, SHUTDOWN_DEADLINE_MS: 1 },
    });
    service.app.get(Dependency).redis.met();
    const starting = service.start();
    const url = `http://127.0.0.1:${port}`;
    await vi.waitFor(async () => expect((await fetch(`${url}/live`)).status).toBe(200));
    expect(await (await fetch(`${url}/ready`)).json()).toEqual({
      status: 'starting',
      waitingFor: ['message handlers'],
    });
    startHandlers();
    expect(await starting).toBe(url);
    expect((await fetch(`${url}/ready`)).status).toBe(200);
    release();
  });

  it('is logged once when reached, with the URL, and once when lost', async () => {
    const service = await create();
    const url = await service.start();
    const { redis } = service.app.get(Dependency);
    expect(events()).toEqual([]);
    redis.met();
    redis.met();
    expect(lines.at(-1)).toMatchObject({ level: 'info', event: 'service.ready', url, msg: `ready at ${url}` });
    redis.lost();
    expect(lines.at(-1)).toMatchObject({ level: 'warn', event: 'service.not_ready', waiting_for: ['redis'] });
    redis.met();
    expect(events()).toEqual(['service.ready', 'service.not_ready', 'service.ready']);
  });
});

describe('metrics over HTTP', () => {
  it('are the OpenMetrics text of the injected registry, process metrics included', async () => {
    const url = await (await create()).start();
    const response = await fetch(`${url}/metrics`);
    expect(response.headers.get('content-type')).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
    const text = await response.text();
    expect(text).toContain('spec_calls_total 3\n');
    expect(text).toContain('process_resident_memory_bytes');
    expect(text.endsWith('# EOF\n')).toBe(true);
  });
});

describe('a place that cannot be listened on', () => {
  it('a port in use is named, with what to do, and nothing is logged', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const PORT = (other.address() as AddressInfo).port;
    const service = await create({ env: { HOST: '127.0.0.1', PORT, SHUTDOWN_DEADLINE_MS: 1 } });
    await expect(service.start()).rejects.toMatchObject({
      name: 'StartError',
      code: 'cannot_listen',
      message: `PORT: ${PORT} on 127.0.0.1 is in use by another process; stop it, or set PORT to a free port (0 picks one)`,
    });
    expect(lines.filter((line) => line.level === 'error')).toEqual([]);
    other.close();
  });

  it('an address of another machine is named', async () => {
    const service = await create({ env: { HOST: '192.0.2.1', PORT: 0, SHUTDOWN_DEADLINE_MS: 1 } });
    await expect(service.start()).rejects.toThrow(/^HOST: 192\.0\.2\.1 is not an address of this machine/);
  });
});

describe('stop', () => {
  it('lets requests and jobs in hand end before it takes their dependencies away', async () => {
    const service = await create({ strategies: () => [new Transport()] });
    const url = await service.start();
    const answer = fetch(`${url}/work`).then((response) => response.text());
    await vi.waitFor(() => expect(story).toContain('request begun'));

    const stopping = service.stop();
    await expect
      .poll(() =>
        fetch(`${url}/ready`).then(
          () => 'answered',
          () => 'refused',
        ),
      )
      .toBe('refused');
    expect(story).toEqual(['handlers started', 'request begun', 'told to stop']);

    release();
    expect(await answer).toBe('done');
    await stopping;
    const destroyed = story.indexOf('module destroyed');
    expect(destroyed).toBeGreaterThan(story.indexOf('request answered'));
    expect(destroyed).toBeGreaterThan(story.indexOf('handlers drained'));
  });

  it('closes message handlers once, and tells when that fails', async () => {
    let closed = 0;
    class Failing extends Transport {
      override async close(): Promise<void> {
        closed += 1;
        throw new Error('cannot close');
      }
    }
    const service = await create({ strategies: () => [new Failing()] });
    services.pop();
    await service.start();
    await expect(service.stop()).rejects.toThrow('cannot close');
    expect(closed).toBe(1);
    expect(story).toContain('module destroyed');
  });

  it('does not wait for more on a connection whose request in hand is answered', async () => {
    const service = await create();
    const url = await service.start();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const first = once(get(`${url}/work`, { agent }), 'response');
    await vi.waitFor(() => expect(story).toContain('request begun'));
    const stopping = service.stop();
    release();
    const [response] = await first;
    expect(response.statusCode).toBe(200);
    response.resume();
    const began = performance.now();
    await stopping;
    // Node would wait 5 s for another request on this connection.
    expect(performance.now() - began).toBeLessThan(4_500);
    agent.destroy();
  });

  it('is not held up by connections that are kept alive', async () => {
    const service = await create();
    const url = await service.start();
    const agent = new Agent({ keepAlive: true });
    const [response] = await once(get(`${url}/live`, { agent }), 'response');
    response.resume();
    await once(response, 'end');
    const began = performance.now();
    await service.stop();
    // Node would keep an idle connection for 5 s.
    expect(performance.now() - began).toBeLessThan(4_500);
    agent.destroy();
  });

  it.each([
    ['never sends anything', ''],
    ['has sent half a header', 'GET /live HTTP/1.1\r\nHost: x\r\n'],
    ['has sent half a body', 'POST /work HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf'],
  ])('is not held up by a connection that %s', async (_what, sent) => {
    const service = await create();
    const { hostname, port } = new URL(await service.start());
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    socket.on('error', () => undefined).write(sent || Buffer.alloc(0));
    const accepted = () =>
      new Promise<number>((resolve) =>
        service.app.getHttpServer().getConnections((_error: unknown, count: number) => resolve(count)),
      );
    await vi.waitFor(async () => expect(await accepted()).toBe(1));
    const began = performance.now();
    await service.stop();
    expect(performance.now() - began).toBeLessThan(4_500);
    expect(story).toContain('module destroyed');
    socket.destroy();
  });

  it('is done once, whoever asks how often', async () => {
    const service = await create();
    await service.start();
    await Promise.all([service.stop(), service.stop()]);
    expect(story.filter((step) => step === 'module destroyed')).toHaveLength(1);
  });

  it('comes before a start that has not got far: it never listens', async () => {
    const service = await create();
    const starting = service.start();
    const stopping = service.stop();
    await expect(starting).rejects.toMatchObject({ name: 'AbortError' });
    await stopping;
    expect(service.app.getHttpServer().listening).toBe(false);
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
