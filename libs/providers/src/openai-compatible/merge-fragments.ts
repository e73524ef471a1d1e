type Fields = Record<string, unknown>;

/** Fields that name something: they are sent whole, sometimes in every chunk, and are not put together. */
const WHOLE_FIELDS = new Set(['id', 'type', 'role', 'name', 'format', 'object']);

/** No provider nests deltas deeper; below, the last value counts. */
const MAX_DEPTH = 6;

/**
 * Adds what a delta says to what was said before: texts are joined, lists grow, entries of a list that carry an `index` are
 * put together with the entry of that index, and everything else is replaced. Nothing is unsaid by null or an empty name.
 */
export function mergeFragments(into: Fields, delta: Readonly<Fields>, depth = 0): void {
  for (const [name, value] of Object.entries(delta)) {
    // Assigning it would change the object's prototype instead.
    if (name === '__proto__') continue;
    const before = into[name];
    if (before === undefined || before === null) into[name] = startOf(value);
    else if (value === null || value === undefined) continue;
    else if (typeof value === 'string' && typeof before === 'string')
      into[name] = WHOLE_FIELDS.has(name) ? value || before : before + value;
    else if (Array.isArray(before) && Array.isArray(value)) mergeList(before, value, depth);
    else if (name === 'content' && isText(before) && isText(value))
      into[name] = [...partsOf(before), ...partsOf(value)];
    else if (isFields(before) && isFields(value) && depth < MAX_DEPTH) mergeFragments(before, value, depth + 1);
    else into[name] = value;
  }
}

/** Lists are rebuilt, because the first delta may already hold two fragments of one entry. */
function startOf(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  const list: unknown[] = [];
  mergeList(list, value, 0);
  return list;
}

function mergeList(list: unknown[], more: readonly unknown[], depth: number): void {
  for (const entry of more) {
    const known = isFields(entry) ? entryOf(list, entry) : undefined;
    if (known !== undefined && depth < MAX_DEPTH) mergeFragments(known as Fields, entry as Fields, depth + 1);
    else list.push(entry);
  }
}

/** Entries that may still grow; a search through all of them would take a whole stream's time for each of its entries. */
const MOST_GROWING = 128;

/** The entry that a fragment belongs to; undefined for one that stands by itself. */
function entryOf(list: readonly unknown[], entry: Fields): unknown {
  if (typeof entry['index'] === 'number')
    return list.slice(-MOST_GROWING).findLast((other) => isSameEntry(other, entry));
  // Arguments of a tool call that is named nowhere in the fragment go on with the last one.
  const goesOn = isFields(entry['function']) && !entry['function']['name'] && !entry['id'];
  return goesOn && isFields(list.at(-1)) ? list.at(-1) : undefined;
}

/** Some providers give every tool call the index 0, and only another id tells that a new one begins. */
function isSameEntry(known: unknown, entry: Fields): boolean {
  if (!isFields(known) || typeof entry['index'] !== 'number' || known['index'] !== entry['index']) return false;
  return !known['id'] || !entry['id'] || known['id'] === entry['id'];
}

/** Content is a text or a list of parts, and some providers begin with the one and go on with the other. */
const isText = (value: unknown): value is string | unknown[] => typeof value === 'string' || Array.isArray(value);
const partsOf = (content: string | unknown[]): unknown[] =>
  typeof content === 'string' ? [{ type: 'text', text: content }] : content;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
