import { z } from 'zod';
import {
  actionNameSchema,
  AdminInputError,
  callsQuerySchema,
  check,
  faultBodySchema,
  providerQuerySchema,
  scopeQuerySchema,
} from './admin-input.js';
import { faultActionSchema } from './faults/fault-action.js';
import { providerNameSchema, providerSchema } from './provider-registry.js';
import type { Simulation } from './simulation.js';

/** An admin request, taken apart. */
interface AdminRequest {
  /** What the `:` parts of the path stand for, in order. */
  params: string[];
  query: Record<string, string>;
  body: Record<string, unknown>;
}

/** Does what an admin request asks and returns the body of the answer. Throws AdminInputError, UnknownScopeError. */
export type AdminHandler = (simulation: Simulation, request: AdminRequest) => object;

/** Every admin route: method and path, `:` for a part that varies. */
export const adminRoutes: Record<string, AdminHandler> = {
  'GET /admin/state': (simulation) => ({
    seed: simulation.seed,
    providers: simulation.providers.describe(),
    faults: simulation.faults.list(Date.now()),
    timeline: simulation.timeline.state(),
  }),

  'PUT /admin/providers/:': (simulation, { params: [name], body }) => {
    const provider = check(providerNameSchema, name, 'provider');
    simulation.providers.put(provider, check(providerSchema, body, 'body'));
    return { provider };
  },

  'DELETE /admin/providers/:': (simulation, { params: [name = ''] }) => {
    if (!simulation.providers.remove(name)) throw notFound('provider', `no provider '${name}'`);
    return { provider: name, cleared: simulation.clearFaults({ provider: name }) };
  },

  // model and mode may stand in the query, everything may stand in the body.
  'POST /admin/providers/:/:': (simulation, { params: [provider, name], query, body }) => {
    const action = check(actionNameSchema, name, 'action');
    const fields = { ...body, ...check(actionQuerySchema, query, 'query') };
    return simulation.act(check(faultActionSchema, { ...fields, action, provider, atMs: 0 }, 'body'));
  },

  'POST /admin/faults': (simulation, { body }) => {
    const { fault, ...scopeAndSpan } = check(faultBodySchema, body, 'body');
    return { id: simulation.setFault(scopeAndSpan, fault, scopeAndSpan) };
  },

  'DELETE /admin/faults/:': (simulation, { params: [id = ''] }) => {
    if (!simulation.faults.remove(id))
      throw notFound('id', `no fault '${id}' is in force; GET /admin/state lists them`);
    return { cleared: 1 };
  },

  'DELETE /admin/faults': (simulation, { query }) => ({
    cleared: simulation.clearFaults(check(scopeQuerySchema, query, 'query')),
  }),

  'GET /admin/calls': (simulation, { query }) => {
    const { limit, bodies, ...filter } = check(callsQuerySchema, query, 'query');
    const { total, calls } = simulation.calls.list(filter, limit);
    if (bodies === undefined) return { total, calls };
    if (!simulation.calls.keepsBodies) throw new AdminInputError([BODIES_NOT_KEPT]);
    return { total, calls: calls.map((call) => ({ ...call, request: simulation.calls.requestOf(call) })) };
  },

  'DELETE /admin/calls': (simulation, { query }) => {
    const { provider } = check(providerQuerySchema, query, 'query');
    simulation.calls.clear(provider);
    return { cleared: provider ?? 'all' };
  },

  'GET /admin/counts': (simulation) => simulation.calls.countsByModel(),

  'POST /admin/timeline/start': (simulation) => {
    simulation.timeline.start();
    return simulation.timeline.state();
  },
};

const BODIES_NOT_KEPT = {
  field: 'bodies',
  message: 'requests are not kept; start the simulator with SIMULATOR_KEEP_BODIES=1',
};

const actionQuerySchema = z.strictObject({ model: z.string().optional(), mode: z.string().optional() });

function notFound(field: string, message: string): AdminInputError {
  return new AdminInputError([{ field, message }], 404);
}
