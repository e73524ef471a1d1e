import type { ConfigProblem } from './config-error.js';
import { resolvePolicy } from './health-policy.js';
import { modeProblems } from './modes-config.js';
import { operationProblems } from './operation-problems.js';
import {
  AUTO_MODEL,
  type RouteConfig,
  type TargetConfig,
  type UnderstudyConfig,
  type UnderstudyFile,
} from './understudy-config.js';

/** Follows the references between the parts of a file; a problem for each that leads nowhere, twice, or in a circle. */
export function resolveReferences(file: UnderstudyFile): { config: UnderstudyConfig; problems: ConfigProblem[] } {
  const problems: ConfigProblem[] = [];
  const targets = resolveTargets(file, problems);
  const routes = routesOfTargets(targets);
  const ids = targets.map((target) => target.id);
  const byId = new Map(targets.map((target) => [target.id, target]));

  for (const [i, target] of targets.entries())
    for (const chain of ['fallbacks', 'contextFallbacks', 'refusalFallbacks'] as const)
      checkChain(`targets[${i}].${chain}`, target[chain], ids, [target.id], problems);

  for (const [model, route] of Object.entries(file.routes)) {
    checkChain(`routes.${model}.targets`, route.targets, ids, [], problems);
    checkChain(`routes.${model}.fallbacks`, route.fallbacks, ids, route.targets, problems);
    routes.set(model, { model, operation: byId.get(route.targets[0] ?? '')?.operation ?? 'chat', ...route });
  }
  const talkers = targets.filter(({ operation }) => operation === 'chat').map(({ id }) => id);
  if (!routes.has(AUTO_MODEL) && talkers.length > 0)
    routes.set(AUTO_MODEL, {
      model: AUTO_MODEL,
      operation: 'chat',
      targets: talkers,
      fallbacks: [],
      standIns: 'any',
    });
  problems.push(...operationProblems(file, targets, routes));
  resolveAliases(file.aliases, routes, problems);
  const { policy, problems: policyProblems } = resolvePolicy(file.health);
  problems.push(...policyProblems, ...modeProblems(file.modes, file.targets));

  return { config: { ...file, targets, routes, health: { scoring: policy.scoring, policy } }, problems };
}

function resolveTargets(file: UnderstudyFile, problems: ConfigProblem[]): TargetConfig[] {
  const firstSeen = new Map<string, number>();
  return file.targets.map((target, i) => {
    const id = target.id ?? `${target.provider}/${target.model}`;
    const earlier = firstSeen.get(id);
    if (earlier === undefined) firstSeen.set(id, i);
    else
      problems.push({
        path: `targets[${i}]`,
        message: `is a second target called "${id}" (the first is targets[${earlier}]); remove one or give it an id`,
      });
    if (!Object.hasOwn(file.providers, target.provider))
      problems.push({
        path: `targets[${i}].provider`,
        message: `no provider is called "${target.provider}"; known: ${list(Object.keys(file.providers))}`,
      });
    return { ...target, id, serves: target.serves ?? [target.model] };
  });
}

/** A model that targets serve is a route of its own: its targets first, then their fallback chains. */
function routesOfTargets(targets: TargetConfig[]): Map<string, RouteConfig> {
  const routes = new Map<string, RouteConfig>();
  for (const target of targets)
    for (const model of target.serves) {
      const { operation } = target;
      const route = routes.get(model) ?? { model, operation, targets: [], fallbacks: [], standIns: 'any' };
      route.targets.push(target.id);
      route.fallbacks.push(...target.fallbacks.filter((id) => !route.fallbacks.includes(id)));
      routes.set(model, route);
    }
  return routes;
}

function checkChain(path: string, chain: string[], known: string[], before: string[], problems: ConfigProblem[]): void {
  for (const [i, id] of chain.entries()) {
    const at = `${path}[${i}]`;
    if (!known.includes(id)) problems.push({ path: at, message: `no target is called "${id}"; known: ${list(known)}` });
    else if (before.includes(id))
      problems.push({ path: at, message: `leads back to "${id}", which has been tried by then; remove it` });
    else if (chain.indexOf(id) !== i) problems.push({ path: at, message: `names "${id}" a second time; remove it` });
  }
}

function resolveAliases(
  aliases: Record<string, string>,
  routes: Map<string, RouteConfig>,
  problems: ConfigProblem[],
): void {
  const configured = [...routes.keys()];
  for (const alias of Object.keys(aliases)) {
    if (configured.includes(alias)) {
      problems.push({ path: `aliases.${alias}`, message: 'is the name of a model or route already; choose another' });
      continue;
    }
    const passed = [alias];
    let name = aliases[alias] as string;
    while (Object.hasOwn(aliases, name) && !passed.includes(name)) {
      passed.push(name);
      name = aliases[name] as string;
    }
    const route = routes.get(name);
    if (passed.includes(name))
      problems.push({ path: `aliases.${alias}`, message: `goes in a circle: ${[...passed, name].join(' → ')}` });
    else if (!route)
      problems.push({
        path: `aliases.${alias}`,
        message: `no model or route is called "${name}"; known: ${list(configured)}`,
      });
    else routes.set(alias, { ...route, model: alias });
  }
}

const list = (names: string[]) => names.toSorted().join(', ') || 'none';
