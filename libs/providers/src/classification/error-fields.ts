/** An object of JSON, read with care. */
export type Fields = Readonly<Record<string, unknown>>;

/** The fields of an object; none for anything else. */
export const asFields = (value: unknown): Fields => (isFields(value) ? value : {});

/** A string; empty for anything else. */
export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/**
 * The error in a body: `{error: {…}}`, `[{error: {…}}]` (Gemini), or the body itself (AWS, and the plain form of some relays).
 * @param onlyExplicit a body that has no `error` of its own, and does not call itself one, holds none
 */
export function errorFields(body: unknown, onlyExplicit: boolean): Fields | string | undefined {
  const holder: unknown = Array.isArray(body) ? body[0] : body;
  if (!isFields(holder)) return undefined;
  const { error } = holder;
  if (error) return typeof error === 'string' || isFields(error) ? error : {};
  return onlyExplicit && holder['type'] !== 'error' ? undefined : holder;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
