import type { RouteConfig, UnderstudyConfig } from '#libs/config';
import { type Routing, UnderstudyError } from '#libs/contracts';

/** Which targets may serve a job, before anything is known of their health. */
export interface ResolvedRoute {
  /** Name that the caller asked for. */
  model: string;
  /** Asked first; among several, weight and health decide. */
  primary: string[];
  /** Healthy ones may stand in when no primary target can. */
  standIns: string[];
  /** Asked after those, in this order. */
  fallbacks: string[];
  /** The one target that the job asked to be tried first. */
  preferred: string | undefined;
  /** The one target that alone may be asked. */
  pin: string | undefined;
  /** Mode that the job asked for; undefined: the one that the fleet is in. */
  mode?: string | undefined;
}

/** What of a job decides about its route. */
export interface RouteWishes {
  request: { model: string };
  routing?: Routing | undefined;
}

/**
 * What the job's model and routing wishes lead to.
 * @throws UnderstudyError `unknown_model`, `unknown_target` or `invalid_request`, which list what is known
 */
export function resolveRoute(job: RouteWishes, config: UnderstudyConfig): ResolvedRoute {
  const route = config.routes.get(job.request.model);
  if (!route)
    throw new UnderstudyError(
      'unknown_model',
      `No model is called "${job.request.model}"; known: ${[...config.routes.keys()].join(', ')}`,
      {
        field: 'model',
      },
    );
  const routing = job.routing ?? {};
  const ids = config.targets.map((target) => target.id);
  checkTargets(routing, ids);
  const chain = routing.fallbacks && fallbacksOf(routing.fallbacks, ids, config);
  checkMode(routing, config);

  const { model } = route;
  const { pin, preferred, mode } = routing;
  if (pin) return { model, primary: [pin], standIns: [], fallbacks: [], preferred: undefined, pin, mode };
  return {
    model,
    primary: route.targets,
    standIns: standInsOf(route, ids),
    fallbacks: chain ?? route.fallbacks,
    preferred,
    pin: undefined,
    mode,
  };
}

const standInsOf = (route: RouteConfig, ids: string[]) =>
  route.standIns === 'any' ? ids.filter((id) => !route.targets.includes(id)) : [];

function checkTargets({ pin, preferred }: Routing, known: string[]): void {
  for (const [field, id] of Object.entries({ 'routing.pin': pin, 'routing.preferred': preferred }))
    if (id !== undefined && !known.includes(id))
      throw new UnderstudyError('unknown_target', `${field}: no target is called "${id}"; known: ${known.join(', ')}`, {
        field,
      });
}

/** Each name is a target's, or a model's, which stands for that model's own targets. */
function fallbacksOf(names: string[], ids: string[], { routes }: UnderstudyConfig): string[] {
  const chain = names.flatMap((name, i) => {
    const targets = ids.includes(name) ? [name] : routes.get(name)?.targets;
    if (targets) return targets;
    const field = `routing.fallbacks[${i}]`;
    const known = [...ids, ...routes.keys()].join(', ');
    throw new UnderstudyError('unknown_target', `${field}: no target or model is called "${name}"; known: ${known}`, {
      field,
    });
  });
  return [...new Set(chain)];
}

function checkMode({ mode }: Routing, { modes }: UnderstudyConfig): void {
  if (mode === undefined || mode === modes?.primary || mode === modes?.secondary) return;
  const known = modes ? `known: ${modes.primary}, ${modes.secondary}` : 'none is configured; leave it out';
  throw new UnderstudyError('invalid_request', `routing.mode: no mode is called "${mode}"; ${known}`, {
    field: 'routing.mode',
  });
}
