/** A latency distribution of the simulator; times in milliseconds. */
export type SimulatedLatency =
  | { kind: 'fixed'; ms: number; perTokenMs?: number }
  | { kind: 'uniform'; minMs: number; maxMs: number; perTokenMs?: number }
  | { kind: 'lognormal'; medianMs: number; sigma: number; perTokenMs?: number };

/** A way to misbehave; what each does is described in the simulator. */
export type SimulatedFault =
  | { kind: 'down'; mode?: 'status' | 'reset' | 'hang'; status?: number }
  | { kind: 'slow'; factor?: number; addMs?: number }
  | { kind: 'rate-limit'; retryAfterSeconds?: number; perMinute?: number }
  | { kind: 'flaky'; ratio: number; status?: number }
  | { kind: 'status'; status: number; code?: string; type?: string; message?: string; headers?: Record<string, string> }
  | { kind: 'html' | 'empty-choices' | 'garbage' | 'error-in-200' };

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
  stream: boolean;
  maxTokens: number | null;
  promptChars: number;
  aborted: boolean;
}

export interface SimulatedProvider {
  models?: Record<string, { latency?: SimulatedLatency }>;
  latency?: SimulatedLatency;
  apiKey?: string;
}

interface CallFilter {
  provider?: string;
  model?: string;
  /** Epoch milliseconds, inclusive. */
  since?: number;
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
    addFault: (fault: {
      provider: string;
      model?: string;
      fault: SimulatedFault;
      forRequests?: number;
      forMs?: number;
    }) => send<{ id: string }>('POST', '/faults', fault),
    removeFault: (id: string) => send<object>('DELETE', `/faults/${id}`),
    calls: (filter: CallFilter = {}) =>
      send<{ total: number; calls: SimulatorCall[] }>('GET', `/calls${queryOf(filter)}`),
    counts: () =>
      send<Record<string, Record<string, { total: number; byStatus: Record<string, number> }>>>('GET', '/counts'),
    clearCalls: (provider: string) => send<object>('DELETE', `/calls${queryOf({ provider })}`),
  };
}

function queryOf(fields: CallFilter): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) query.set(name, String(value));
  return query.size > 0 ? `?${query.toString()}` : '';
}
