const ISO_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/;
const ISO_DAY = /^\d{4}-\d{2}-\d{2}$/;

/** A time with its zone, `2023-11-08T13:54:00Z`, as epoch milliseconds; undefined for anything else, and for days that do not exist. */
export function readIsoTime(text: string): number | undefined {
  const ms = ISO_TIME.test(text) ? Date.parse(text) : Number.NaN;
  // Date.parse takes the 30th of February for the 1st of March.
  return Number.isNaN(ms) || Number(text.slice(8, 10)) > daysInMonth(text) ? undefined : ms;
}

/** The same, or a day alone, which means its beginning. */
export const readIsoDate = (text: string): number | undefined =>
  readIsoTime(ISO_DAY.test(text) ? `${text}T00:00:00Z` : text);

const daysInMonth = (text: string) =>
  new Date(Date.UTC(Number(text.slice(0, 4)), Number(text.slice(5, 7)), 0)).getUTCDate();
