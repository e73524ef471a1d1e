import type { FaultSpan, SimulatedFault } from './simulator-faults.js';

/** A latency distribution of the simulator; times in milliseconds. */
export type SimulatedLatency =
  | { kind: 'fixed'; ms: number; perTokenMs?: number }
  | { kind: 'uniform'; minMs: number; maxMs: number; perTokenMs?: number }
  | { kind: 'lognormal'; medianMs: number; sigma: number; perTokenMs?: number };

/** One call that the simulator has seen. */
export interface SimulatorCall {
  seq: number;
  /** Arrival, epoch milliseconds. */
  at: number;
  provider: string;
  model: string;
  status: number | string;
  fault?: string;
  latencyMs: number | null;
  wire: 'openai' | 'anthropic';
  operation: 'chat' | 'embeddings' | 'models';
  stream: boolean;
  /** Token events of a stream that were written. */
  chunksSent: number;
  maxTokens: number | null;
  promptChars: number;
  aborted: boolean;
}

/** A call together with its request as it came; absent when it was not among the last 100. */
export interface SimulatorCallWithRequest extends SimulatorCall {
  request?: { headers: Record<string, string | string[]>; body: unknown };
}

export interface SimulatedProvider {
  models?: Record<string, { latency?: SimulatedLatency; listed?: boolean; shutdownDate?: string }>;
  latency?: SimulatedLatency;
  apiKey?: string;
}

interface CallFilter {
  provider?: string;
  model?: string;
  /** Epoch milliseconds, inclusive. */
  since?: number;
  operation?: SimulatorCall['operation'];
  limit?: number;
}

export type SimulatorAdmin = ReturnType<typeof simulatorAdmin>;

/**
 * The simulator's admin API, typed. Use provider names that no other test uses.
 * @param url of the simulator: `process.env.SIMULATOR_URL`
 */
export function simulatorAdmin(url: string) {
  const send = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const response = await fetch(`${url}/admin${path}`, {
      method,
      ...(body ? { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {}),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`simulator: ${method} ${path} answered ${response.status}: ${text}`);
    return JSON.parse(text) as T;
  };
  const act = (provider: string, action: string, fields: object) =>
    send<object>('POST', `/providers/${encodeURIComponent(provider)}/${action}`, fields);

  return {
    url,
    createProvider: (name: string, provider: SimulatedProvider) => send<object>('PUT', `/providers/${name}`, provider),
    removeProvider: (name: string) => send<object>('DELETE', `/providers/${name}`),
    kill: (provider: string, fields: { model?: string; mode?: 'status' | 'reset' | 'hang'; status?: number } = {}) =>
      act(provider, 'kill', fields),
    revive: (provider: string, fields: { model?: string } = {}) => act(provider, 'revive', fields),
    slow: (provider: string, fields: { model?: string; factor?: number; addMs?: number }) =>
      act(provider, 'slow', fields),
    rateLimit: (provider: string, fields: { model?: string; retryAfterSeconds?: number; perMinute?: number } = {}) =>
      act(provider, 'rate-limit', fields),
    flaky: (provider: string, fields: { model?: string; ratio: number; status?: number }) =>
      act(provider, 'flaky', fields),
    addFault: (fault: { provider: string; model?: string; fault: SimulatedFault } & FaultSpan) =>
      send<{ id: string }>('POST', '/faults', fault),
    removeFault: (id: string) => send<object>('DELETE', `/faults/${id}`),
    calls: (filter: CallFilter = {}) =>
      send<{ total: number; calls: SimulatorCall[] }>('GET', `/calls${queryOf(filter)}`),
    /** With the requests; the simulator must keep them (`SIMULATOR_KEEP_BODIES=1`, `keepBodies: true`). */
    callsWithRequests: (filter: CallFilter = {}) =>
      send<{ total: number; calls: SimulatorCallWithRequest[] }>('GET', `/calls${queryOf({ ...filter, bodies: 1 })}`),
    counts: () =>
      send<Record<string, Record<string, { total: number; byStatus: Record<string, number> }>>>('GET', '/counts'),
    clearCalls: (provider: string) => send<object>('DELETE', `/calls${queryOf({ provider })}`),
  };
}

function queryOf(fields: CallFilter & { bodies?: 1 }): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) query.set(name, String(value));
  return query.size > 0 ? `?${query.toString()}` : '';
}
