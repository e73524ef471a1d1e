/** As many slips of the finger, and the name is still the one that was meant. */
const MAX_EDITS = 3;

/** The one among `names` that `name` was probably meant to be: a few letters missing, added, exchanged or swapped. */
export function nearestName(name: string, names: readonly string[]): string | undefined {
  const [nearest] = names
    .map((known) => ({ known, edits: editsBetween(name, known) }))
    .filter(({ known, edits }) => edits <= Math.min(MAX_EDITS, Math.floor(known.length / 3)))
    .toSorted((a, b) => a.edits - b.edits);
  return nearest?.known;
}

/** Letters to change, add or leave out to make `to` of `from` (Levenshtein); only whether they are few is of interest. */
function editsBetween(from: string, to: string): number {
  if (Math.abs(from.length - to.length) > MAX_EDITS) return Infinity;
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (const [i, letter] of Array.from(from).entries()) {
    const next = [i + 1];
    for (const [j, other] of Array.from(to).entries()) {
      const changed = (row[j] as number) + Number(letter !== other);
      next.push(Math.min(changed, (row[j + 1] as number) + 1, (next[j] as number) + 1));
    }
    row = next;
  }
  return row.at(-1) as number;
}
