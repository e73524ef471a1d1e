import { canReplace, type RouteConfig, type TargetConfig, type UnderstudyConfig } from '#libs/config';
import { type Operation, operationOf, type Routing, UnderstudyError } from '#libs/contracts';

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
  operation?: Operation | undefined;
  request: { model: string };
  routing?: Routing | undefined;
}

/**
 * What the job's model and routing wishes lead to.
 * @throws UnderstudyError `unknown_model`, `unknown_target` or `invalid_request`, which list what is known, or say why a target cannot
 *   serve this job
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
  checkOperation(route, job, config);
  const routing = job.routing ?? {};
  const ids = config.targets.map((target) => target.id);
  checkTargets(routing, ids);
  const chain = routing.fallbacks && fallbacksOf(routing.fallbacks, ids, config);
  checkMode(routing, config);
  const allowed = config.targets.filter(isLike(route, config)).map(({ id }) => id);
  checkAllowed(routing, chain, allowed);

  const { model } = route;
  const { pin, preferred, mode } = routing;
  if (pin) return { model, primary: [pin], standIns: [], fallbacks: [], preferred: undefined, pin, mode };
  return {
    model,
    primary: route.targets,
    standIns: standInsOf(route, allowed),
    fallbacks: chain ?? route.fallbacks,
    preferred,
    pin: undefined,
    mode,
  };
}

/** Whether a target may answer in place of those of the route. The configuration has seen to it that these are all alike. */
function isLike({ operation, targets: [own] }: RouteConfig, { targets }: UnderstudyConfig) {
  const first = targets.find(({ id }) => id === own);
  return (target: TargetConfig) => (first ? canReplace(first, target) : target.operation === operation);
}

function checkOperation({ model, operation }: RouteConfig, job: RouteWishes, { routes }: UnderstudyConfig): void {
  const asked = operationOf(job);
  if (operation === asked) return;
  const known = [...routes.values()].filter((route) => route.operation === asked).map((route) => route.model);
  throw new UnderstudyError(
    'invalid_request',
    `model: "${model}" is for ${operation}, and the job asks for ${asked}; for that there is: ${known.join(', ') || 'none'}`,
    { field: 'model' },
  );
}

/** Nobody is led to a target that would answer with something else than the model that was asked for does. */
function checkAllowed({ pin, preferred }: Routing, chain: readonly string[] = [], allowed: readonly string[]): void {
  const named = [
    ['routing.pin', pin],
    ['routing.preferred', preferred],
    ...chain.map((id) => ['routing.fallbacks', id]),
  ];
  for (const [field, id] of named as [string, string | undefined][])
    if (id !== undefined && !allowed.includes(id))
      throw new UnderstudyError(
        'invalid_request',
        `${field}: "${id}" cannot answer in place of this model, as it does something else or gives other vectors; possible: ${allowed.join(', ')}`,
        { field },
      );
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
