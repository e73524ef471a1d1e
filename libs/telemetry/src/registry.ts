import { collectDefaultMetrics, Registry } from 'prom-client';

export { Registry };

/**
 * A registry of its own for one service, with the process metrics of prom-client (CPU, memory, event loop lag, GC) in it.
 * It speaks OpenMetrics, the format that carries exemplars.
 */
export function createRegistry(): Registry {
  const registry = new Registry();
  // The type says that a registry keeps the content type it was made for; the library lets it change.
  (registry as Registry<never>).setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
  collectDefaultMetrics({ register: registry });
  return registry;
}
