const MS_OF_UNIT: Readonly<Record<string, number>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
  ms: 1,
  us: 0.001,
  µs: 0.001,
  ns: 0.000_001,
};

/** Up to four parts, biggest first: `1h2m3s`, `6m0s`, `12ms`, `36.5s`. */
const DURATION = /^(?:\d{1,12}(?:\.\d{1,12})?(?:h|ms|m|s|us|µs|ns)){1,4}$/;

/** Milliseconds of a duration as Go and protobuf write them; undefined for anything else. */
export function durationMs(text: string | undefined): number | undefined {
  const trimmed = text?.trim() ?? '';
  if (trimmed.length > 60 || !DURATION.test(trimmed)) return undefined;
  let total = 0;
  for (const [, amount, unit] of trimmed.matchAll(/([\d.]+)(ms|us|µs|ns|h|m|s)/g))
    total += Number(amount) * (MS_OF_UNIT[unit ?? ''] ?? 0);
  return total;
}
