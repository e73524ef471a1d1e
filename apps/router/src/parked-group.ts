import { createHash } from 'node:crypto';
import type { UnderstudyConfig } from '#libs/config';
import { type CompletionJob, routingSchema } from '#libs/contracts';
import type { ParkedGroup } from '#libs/queue';
import { z } from 'zod';
import { type ResolvedRoute, resolveRoute } from './resolve-route.js';

const wishesSchema = z.object({ model: z.string(), routing: routingSchema.optional() });

/** The group in which this job waits: all jobs that ask for the same model with the same routing wishes. */
export function groupOf({ request: { model }, routing }: Pick<CompletionJob, 'request' | 'routing'>): ParkedGroup {
  const { pin, preferred, fallbacks, mode } = routing ?? {};
  // In one order, whatever the order in the job.
  const waitsFor = JSON.stringify({ model, ...(routing && { routing: { pin, preferred, fallbacks, mode } }) });
  return { name: createHash('sha256').update(waitsFor).digest('hex').slice(0, 16), waitsFor };
}

/** The model that a group of jobs asks for, and whom they may ask; `route` is null when the configuration does not know (any more). */
export function wishesOf(
  { waitsFor }: ParkedGroup,
  config: UnderstudyConfig,
): { model: string; route: ResolvedRoute | null } {
  const wishes = wishesSchema.safeParse(readJson(waitsFor)).data;
  if (!wishes) return { model: '', route: null };
  const { model, routing } = wishes;
  try {
    return { model, route: resolveRoute({ request: { model }, routing }, config) };
  } catch {
    return { model, route: null };
  }
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
