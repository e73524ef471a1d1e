/** Columns of text, as wide as they need to be; those in `right` are numbers. */
export function renderTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): string {
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => (row[i] ?? '').length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (right.includes(i) ? cell.padStart(widths[i] as number) : cell.padEnd(widths[i] as number)))
      .join('  ')
      .trimEnd();
  return [line(header), ...rows.map(line)].join('\n');
}

/** A moment, to the second, in UTC. */
export const renderTime = (epochMs: number | null): string =>
  epochMs === null || epochMs === 0 ? '-' : new Date(epochMs).toISOString().replace(/\.\d+Z$/, 'Z');

/** Cut so that it fits a line. */
export const shorten = (text: string, length: number): string => {
  const oneLine = text.replaceAll(/\s+/g, ' ');
  return oneLine.length <= length ? oneLine : `${oneLine.slice(0, length - 1)}…`;
};
