import type { ConfigProblem } from './config-error.js';
import type { RouteConfig, TargetConfig, UnderstudyFile } from './understudy-config.js';

/** Whether one target may answer in place of another: both hold conversations, or both give the same vectors. */
export function canReplace(one: TargetConfig, other: TargetConfig): boolean {
  if (one.operation !== other.operation) return false;
  return one.operation === 'chat' || vectorsOf(one) === vectorsOf(other);
}

/**
 * A problem for each target that cannot do what it is to do, and for each name, chain or route that would let one target answer for
 * another that does something else.
 */
export function operationProblems(
  file: UnderstudyFile,
  targets: readonly TargetConfig[],
  routes: ReadonlyMap<string, RouteConfig>,
): ConfigProblem[] {
  const byId = new Map(targets.map((target) => [target.id, target]));
  const find = (ids: readonly string[]) => ids.map((id) => byId.get(id));
  const ofTargets = targets.flatMap((target, i) => [
    ...targetProblems(target, `targets[${i}]`, file),
    ...target.serves.flatMap((name, j) => {
      const [first] = find(routes.get(name)?.targets ?? []);
      const path = file.targets[i]?.serves ? `targets[${i}].serves[${j}]` : `targets[${i}].model`;
      // A route of the file may have taken the name over.
      return Object.hasOwn(file.routes, name) ? [] : strangers(path, first, [target], () => path);
    }),
    ...(['fallbacks', 'contextFallbacks', 'refusalFallbacks'] as const).flatMap((chain) =>
      strangers(`targets[${i}].${chain}`, target, find(target[chain])),
    ),
  ]);
  const ofRoutes = Object.entries(file.routes).flatMap(([name, { targets: own, fallbacks }]) => {
    const [first] = find(own);
    return [
      ...strangers(`routes.${name}.targets`, first, find(own)),
      ...strangers(`routes.${name}.fallbacks`, first, find(fallbacks)),
    ];
  });
  return [...ofTargets, ...ofRoutes];
}

/** Those that cannot replace `first`. One that is not there is told elsewhere. */
function strangers(
  path: string,
  first: TargetConfig | undefined,
  others: readonly (TargetConfig | undefined)[],
  place = (j: number) => `${path}[${j}]`,
): ConfigProblem[] {
  return others.flatMap((other, j) =>
    !first || !other || canReplace(first, other) ? [] : [{ path: place(j), message: mismatch(first, other) }],
  );
}

function mismatch(first: TargetConfig, other: TargetConfig): string {
  if (first.operation !== other.operation)
    return `"${other.id}" does ${other.operation} and "${first.id}" ${first.operation}; give each operation names and chains of its own`;
  return `"${other.id}" gives vectors of ${vectorsOf(other)} and "${first.id}" of ${vectorsOf(first)}, which do not compare; where they are the same give both the same embeddings.space and .dimensions, else names and chains of their own`;
}

/** Space and length of its vectors, in words. */
const vectorsOf = ({ model, embeddings: { space = model, dimensions } = {} }: TargetConfig) =>
  `${space} (${dimensions === undefined ? 'no dimensions set' : `${dimensions} dimensions`})`;

function targetProblems(target: TargetConfig, path: string, { providers }: UnderstudyFile): ConfigProblem[] {
  if (target.operation === 'chat')
    return target.embeddings
      ? [{ path: `${path}.embeddings`, message: 'means nothing to a chat target; add operation: embeddings' }]
      : [];
  const problems: ConfigProblem[] = [];
  if (providers[target.provider]?.kind === 'anthropic')
    problems.push({
      path: `${path}.operation`,
      message: `a provider of kind anthropic ("${target.provider}") has no embeddings; take an openai-compatible one`,
    });
  const message = 'means nothing for embeddings, which come in one piece; remove it';
  for (const option of CHAT_ONLY) if (isSet(target, option)) problems.push({ path: `${path}.${option}`, message });
  const fixed = target.request?.set['dimensions'];
  if (fixed !== undefined && fixed !== target.embeddings?.dimensions)
    problems.push({
      path: `${path}.request.set.dimensions`,
      message: `must be what embeddings.dimensions says; set that to ${JSON.stringify(fixed)} too`,
    });
  return problems;
}

/** About how an answer is said, or about what is said to a person. */
const CHAT_ONLY = [
  'streaming',
  'reasoning',
  'probeReasoningEffort',
  'firstTokenTimeoutMs',
  'idleTimeoutMs',
  'minTokensPerSecond',
  'refusalFallbacks',
] as const;

/** Defaults of those that have one. */
const UNSET: Partial<TargetConfig> = { streaming: true, reasoning: false, idleTimeoutMs: 30_000 };

function isSet(target: TargetConfig, option: (typeof CHAT_ONLY)[number]): boolean {
  const value = target[option];
  return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== UNSET[option];
}
