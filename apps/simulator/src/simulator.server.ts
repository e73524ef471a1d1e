import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerAdmin } from './admin.js';
import { anthropicMessages } from './anthropic/messages.endpoint.js';
import { invalidRequest } from './completion-request.js';
import type { Endpoint } from './endpoint.js';
import { answerRequest } from './exchange.js';
import { CallerLeftError, sendJson } from './http-exchange.js';
import { answerModels } from './models.js';
import { openAiChat } from './openai/chat.endpoint.js';
import { openAiEmbeddings } from './openai/embeddings.endpoint.js';
import { openAiWire } from './openai/openai.wire.js';
import { checkScript, type ScriptInput } from './script.js';
import { Simulation, type ChangeListener } from './simulation.js';
import { SimulatorStartError } from './simulator.errors.js';

/** How to start a simulator; without a script it answers any provider and any model. */
export interface SimulatorOptions {
  /** Default 127.0.0.1. */
  host?: string;
  /** Default 0: a free one. */
  port?: number;
  script?: ScriptInput;
  /** Wins over the script's seed. */
  seed?: number | undefined;
  /** Keep the last requests as they came, for `GET /admin/calls?bodies=1`. Default false. */
  keepBodies?: boolean;
  /** Told of every fault set or cleared. */
  onChange?: ChangeListener;
}

/** A simulator that answers. */
export interface RunningSimulator {
  /** `http://host:port`; a provider's base URL is `<url>/<provider>/v1`. */
  url: string;
  port: number;
  /** Stops listening, lets calls under way finish for `graceMs` (default 0), then closes every connection. */
  close(options?: { graceMs?: number }): Promise<void>;
}

/** Starts a simulator. Rejects with ScriptError, or with SimulatorStartError when it cannot listen. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<RunningSimulator> {
  const { host = '127.0.0.1', port = 0, seed, keepBodies = false, onChange } = options;
  const script = checkScript(options.script ?? { autoProviders: true });
  const simulation = new Simulation({ ...script, seed: seed ?? script.seed }, onChange, { keepBodies });
  const server = createServer((request, response) => {
    answer(simulation, request, response).catch((error: unknown) => answerFailure(error, response));
  });
  // Longer than the idle time of any client here, so that it is never the server that drops a connection in use.
  server.keepAliveTimeout = 75_000;
  await listen(server, host, port);
  if (script.startTimeline === 'boot') simulation.timeline.start();

  const { port: boundPort } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${boundPort}`,
    port: boundPort,
    close: async ({ graceMs = 0 } = {}) => {
      simulation.timeline.stop();
      await closeServer(server, graceMs);
    },
  };
}

/** What a provider answers to POST, by the path below its name. */
const endpoints: Record<string, Endpoint> = {
  '/v1/chat/completions': openAiChat,
  '/v1/embeddings': openAiEmbeddings,
  '/v1/messages': anthropicMessages,
};

async function answer(simulation: Simulation, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? '/').split('?', 1)[0] as string;
  const nameEnd = path.indexOf('/', 1);
  const name = path.slice(1, nameEnd === -1 ? undefined : nameEnd);
  const rest = nameEnd === -1 ? '' : path.slice(nameEnd);
  const { method } = request;

  const endpoint = method === 'POST' && Object.hasOwn(endpoints, rest) ? endpoints[rest] : undefined;
  if (endpoint !== undefined) return answerRequest(simulation, endpoint, name, request, response);
  if (method === 'GET' && rest === '/v1/models') return answerModels(simulation, name, request, response);
  if (name === 'admin') return answerAdmin(simulation, request, response);
  if (method === 'GET' && (path === '/ready' || path === '/live')) return sendJson(response, 200, '{"status":"ok"}');
  const message = `Unknown request URL: ${method} ${path}. There are POST /<provider>${Object.keys(endpoints).join(', ')} and GET /<provider>/v1/models.`;
  sendJson(response, 404, openAiWire.renderError(invalidRequest(message, { code: 'unknown_url' }), ''));
}

function answerFailure(error: unknown, response: ServerResponse): void {
  if (error instanceof CallerLeftError || response.headersSent) {
    response.destroy();
    return;
  }
  const message = `The simulator itself failed: ${error instanceof Error ? error.message : String(error)}`;
  sendJson(
    response,
    500,
    openAiWire.renderError({ status: 500, message, type: 'simulator_error', code: 'simulator_error' }, ''),
  );
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(new SimulatorStartError(host, port, error)));
    server.listen(port, host, resolve);
  });
}

async function closeServer(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // Calls that hang never finish by themselves: after the grace everything goes.
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(timer);
}
