import type { ConfigProblem } from './config-error.js';
import { formatPath } from './zod-problems.js';

/** `${NAME}` or `${NAME:-default}`; the default may be empty. `$${` is a literal `${`. */
const REFERENCE = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g;

/**
 * Replaces environment references in every string of a parsed document. Keys are left alone. What comes from the environment is
 * never parsed as YAML, so a key that looks like a number or holds a colon stays what it is.
 * @returns the new document, and a problem for each variable that is missing and has no default
 */
export function interpolate(
  document: unknown,
  env: Readonly<Record<string, string | undefined>>,
): { value: unknown; problems: ConfigProblem[] } {
  const problems: ConfigProblem[] = [];

  const visit = (node: unknown, path: PropertyKey[]): unknown => {
    if (typeof node === 'string') return replace(node, path);
    if (Array.isArray(node)) return node.map((item, i) => visit(item, [...path, i]));
    if (node !== null && typeof node === 'object')
      return Object.fromEntries(Object.entries(node).map(([key, item]) => [key, visit(item, [...path, key])]));
    return node;
  };

  const replace = (text: string, path: PropertyKey[]): string =>
    text.replace(REFERENCE, (match, name: string | undefined, fallback: string | undefined) => {
      if (name === undefined) return match.slice(1);
      const found = env[name];
      // An empty variable is how shells and compose files say "not set".
      if (found !== undefined && found !== '') return found;
      if (fallback !== undefined) return fallback;
      problems.push({
        path: formatPath(path),
        message: `environment variable ${name} is not set; set it, or write \${${name}:-default}`,
      });
      return '';
    });

  return { value: visit(document, []), problems };
}
