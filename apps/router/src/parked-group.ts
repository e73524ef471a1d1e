import { createHash } from 'node:crypto';
import type { UnderstudyConfig } from '#libs/config';
import { type Attempt, faultsOfRequest, type JobPayload, OPERATIONS, routingSchema } from '#libs/contracts';
import { FAILURE_CLASSES } from '#libs/health-core';
import { type ParkedGroup, readJson } from '#libs/queue';
import { z } from 'zod';
import { routeAfter } from './next-step.js';
import { type ResolvedRoute, resolveRoute, type RouteWishes } from './resolve-route.js';

const wishesSchema = z.object({
  model: z.string(),
  operation: z.enum(OPERATIONS).optional(),
  routing: routingSchema.optional(),
  /** What targets have found wrong with the request: it closes some ways and may open others. */
  faults: z.array(z.object({ target: z.string(), outcome: z.enum(FAILURE_CLASSES) })),
});

type Fault = z.infer<typeof wishesSchema>['faults'][number];

/** The group in which a job waits: with all that ask for the same model with the same wishes, and are still taken by the same targets. */
export function groupOf(
  { operation, request: { model }, routing }: Pick<JobPayload, 'operation' | 'request' | 'routing'>,
  attempts: readonly Attempt[],
): ParkedGroup {
  const { pin, preferred, fallbacks, mode } = routing ?? {};
  // In one order, whatever the order in the job.
  const wishes = {
    model,
    // One for a chat completion may say so or not.
    ...(operation === 'embeddings' && { operation }),
    ...(routing && { routing: { pin, preferred, fallbacks, mode } }),
    faults: faultsOf(attempts),
  };
  const waitsFor = JSON.stringify(wishes);
  return { name: createHash('sha256').update(waitsFor).digest('hex').slice(0, 16), waitsFor };
}

/** The model that a group of jobs asks for, and whom they may ask; `route` is null when the configuration does not know (any more). */
export function wishesOf(
  { waitsFor }: ParkedGroup,
  config: UnderstudyConfig,
): { model: string; route: ResolvedRoute | null } {
  const parsed = wishesSchema.safeParse(readJson(waitsFor)).data;
  if (!parsed) return { model: '', route: null };
  const { model, operation, routing, faults } = parsed;
  try {
    return { model, route: routeLeft({ operation, request: { model }, routing }, faults.map(asAttempt), config) };
  } catch {
    return { model, route: null };
  }
}

/**
 * Whom a job may ask that begins a new pass after these attempts.
 * @throws UnderstudyError as `resolveRoute`
 */
export function routeLeft(wishes: RouteWishes, attempts: readonly Attempt[], config: UnderstudyConfig): ResolvedRoute {
  const route = routeAfter(attempts, resolveRoute(wishes, config), config);
  const barred = new Set(faultsOf(attempts).map(({ target }) => target));
  if (barred.size === 0) return route;
  const left = (ids: readonly string[]) => ids.filter((id) => !barred.has(id));
  return {
    ...route,
    primary: left(route.primary),
    standIns: left(route.standIns),
    fallbacks: left(route.fallbacks),
    preferred: route.preferred !== undefined && barred.has(route.preferred) ? undefined : route.preferred,
  };
}

/** Each fault once. */
function faultsOf(attempts: readonly Attempt[]): Fault[] {
  const faults = new Map<string, Fault>();
  for (const { attempt, failure } of faultsOfRequest(attempts))
    faults.set(`${attempt.target} ${failure}`, { target: attempt.target, outcome: failure });
  return [...faults.values()];
}

const asAttempt = ({ target, outcome }: Fault, i: number): Attempt => ({
  number: i + 1,
  target,
  outcome,
  startedAt: 0,
  latencyMs: 0,
});
