import { z } from 'zod';
import { downFields, flakyFields, rateLimitFields } from './error-faults.js';
import { faultSchema, type Fault } from './fault.js';
import { MAX_TIMER_MS, spanFields, spanIsClear, spanProblem } from './fault-span.js';
import { slowFields, slowsDown, slowsDownProblem } from './timing-faults.js';

const whenAndWhere = {
  atMs: z.number().min(0).max(MAX_TIMER_MS),
  provider: z.string(),
  model: z.string().optional(),
};
const common = { ...whenAndWhere, ...spanFields };

/** The actions there are. */
export const actionNames = ['kill', 'revive', 'slow', 'rate-limit', 'flaky', 'fault'] as const;

/**
 * Something done to a provider, or to one of its models, at a time: a fault set by a word that needs no knowledge of
 * fault kinds, any fault as it is (`fault`), or all of them cleared (`revive`).
 */
export const faultActionSchema = z.discriminatedUnion(
  'action',
  [
    z.strictObject({ action: z.literal('kill'), ...common, ...downFields }).refine(spanIsClear, spanProblem),
    z
      .strictObject({ action: z.literal('slow'), ...common, ...slowFields })
      .refine(slowsDown, slowsDownProblem)
      .refine(spanIsClear, spanProblem),
    z.strictObject({ action: z.literal('rate-limit'), ...common, ...rateLimitFields }).refine(spanIsClear, spanProblem),
    z.strictObject({ action: z.literal('flaky'), ...common, ...flakyFields }).refine(spanIsClear, spanProblem),
    z.strictObject({ action: z.literal('fault'), ...common, fault: faultSchema }).refine(spanIsClear, spanProblem),
    z.strictObject({ action: z.literal('revive'), ...whenAndWhere }),
  ],
  { error: `must be one of: ${actionNames.join(', ')}` },
);

/** An action on a provider or model; `atMs` counts from the start of the timeline. */
export type FaultAction = z.infer<typeof faultActionSchema>;

/** An action that sets a fault. */
export type FaultSetting = Exclude<FaultAction, { action: 'revive' }>;

/** The fault an action sets. */
export function faultOf(setting: FaultSetting): Fault {
  switch (setting.action) {
    case 'kill':
      return { kind: 'down', mode: setting.mode, status: setting.status };
    case 'slow':
      return { kind: 'slow', factor: setting.factor, addMs: setting.addMs };
    case 'rate-limit':
      return {
        kind: 'rate-limit',
        retryAfterSeconds: setting.retryAfterSeconds,
        perMinute: setting.perMinute,
        requests: setting.requests,
        windowMs: setting.windowMs,
        silent: setting.silent,
      };
    case 'flaky':
      return { kind: 'flaky', ratio: setting.ratio, status: setting.status };
    case 'fault':
      return setting.fault;
  }
}
