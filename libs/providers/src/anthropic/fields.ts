/** An object of which nothing is known yet: a part of a caller's body or of an answer. */
export type Fields = Record<string, unknown>;

/** The fields of a value; none for what is no object. */
export const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};

/** The items of a value; none for what is no array. */
export const itemsOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** The text that a value is, if it is one. */
export const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
