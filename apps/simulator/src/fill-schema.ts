import { isRecord, listOf } from './completion-request.js';

/** A schema that refers to itself gets no deeper answer. */
const MAX_DEPTH = 16;

/**
 * The smallest value that fits a JSON Schema: objects get their required properties, lists as many items as they need,
 * everything else a plain value of its type. Without a schema, or with one it cannot follow, an empty object.
 */
export function fillSchema(schema: unknown): unknown {
  return fill(schema, schema, 0) ?? {};
}

function fill(schema: unknown, root: unknown, depth: number): unknown {
  if (!isRecord(schema) || depth > MAX_DEPTH) return {};
  const inner = (part: unknown): unknown => fill(part, root, depth + 1);
  if (typeof schema.$ref === 'string') return inner(resolve(root, schema.$ref));
  if ('const' in schema) return schema.const;
  if (Array.isArray(schema.enum) && schema.enum.length > 0) return schema.enum[0];
  const [option] = [...listOf(schema.anyOf), ...listOf(schema.oneOf), ...listOf(schema.allOf)];
  if (option !== undefined) return inner(option);
  switch (listOf(schema.type)[0] ?? schema.type) {
    case 'string':
      return 'bow'.padEnd(lengthOf(schema.minLength), '.');
    case 'integer':
    case 'number':
      return typeof schema.minimum === 'number' ? schema.minimum : 1;
    case 'boolean':
      return true;
    case 'null':
      return null;
    case 'array':
      return Array.from({ length: lengthOf(schema.minItems) }, () => inner(schema.items));
    default: {
      const properties = isRecord(schema.properties) ? schema.properties : {};
      const required = listOf(schema.required).filter((name) => typeof name === 'string');
      return Object.fromEntries(required.map((name) => [name, inner(properties[name])]));
    }
  }
}

/** No request can make the simulator write more than this per item. */
const MAX_LENGTH = 1_000;

function lengthOf(value: unknown): number {
  return typeof value === 'number' ? Math.min(Math.max(Math.ceil(value), 0), MAX_LENGTH) : 0;
}

function resolve(root: unknown, reference: string): unknown {
  const path = reference.replace(/^#\/?/, '').split('/').filter(Boolean);
  return path.reduce<unknown>((value, part) => (isRecord(value) ? value[part] : undefined), root);
}
