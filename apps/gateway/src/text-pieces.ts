type Fields = Record<string, unknown>;

/** Longest text in one chunk, in UTF-16 units: callers that draw each chunk see the answer grow. */
const PIECE_LENGTH = 400;

/** One delta as several, where it says one long text; made one by one. */
export function* inPieces(delta: Fields): Generator<Fields, undefined> {
  const [[field, value] = [], ...others] = Object.entries(delta);
  if (field === undefined || typeof value !== 'string' || others.length > 0) {
    yield delta;
    return;
  }
  for (let at = 0; at < value.length;) {
    let end = at + PIECE_LENGTH;
    // Half a character is none.
    if (/[\uD800-\uDBFF]/.test(value[end - 1] ?? '')) end++;
    yield { [field]: value.slice(at, end) };
    at = end;
  }
}
