import type { Incident } from './incidents.js';
import type { ShareTimeline } from './share-timeline.js';
import type { SimulatedTarget } from './targets.js';

/** What the picture shows. */
export interface TimelinePicture {
  title: string;
  fromMs: number;
  toMs: number;
  targets: readonly SimulatedTarget[];
  incidents: readonly Incident[];
  policies: readonly { policy: string; timeline: ShareTimeline }[];
}

const LEFT = 130;
const RIGHT = 50;
const PLOT_WIDTH = 1200;
const TOP = 64;
const BAND_HEIGHT = 18;
const ROW_HEIGHT = 70;
const GAP = 16;
const TARGET_COLOURS = ['#4c78a8', '#f2a65a', '#72b7a1', '#b279a2'];
/** By impact, 0–4. */
const IMPACT_COLOURS = ['#fde9a9', '#f9c46b', '#ee7b4d', '#c7252c', '#7d0d14'];
const IMPACT_NAMES = ['2 %', '15 %', '50 %', '100 %'];
const TICKS = 10;

/** How many pieces of time the picture can show apart. */
export const TIMELINE_BUCKETS = PLOT_WIDTH / 2;

/** Incidents above, below them for each policy which share of first attempts each target got, all over the same time. */
export function renderTimeline(picture: TimelinePicture): string {
  const { targets, policies, incidents, fromMs, toMs, title } = picture;
  const x = (ms: number) => LEFT + ((Math.min(Math.max(ms, fromMs), toMs) - fromMs) / (toMs - fromMs)) * PLOT_WIDTH;
  const bandsTop = TOP;
  const rowsTop = bandsTop + targets.length * (BAND_HEIGHT + 4) + GAP;
  const bottom = rowsTop + policies.length * (ROW_HEIGHT + GAP);
  const bands = targets.flatMap(({ provider }, i) => {
    const y = bandsTop + i * (BAND_HEIGHT + 4);
    const own = incidents.filter((incident) => incident.provider === provider);
    const visible = own.filter(({ startMs, endMs }) => endMs > fromMs && startMs < toMs);
    return [
      label(provider, y + BAND_HEIGHT - 5),
      rect(LEFT, y, PLOT_WIDTH, BAND_HEIGHT, '#f4f4f4'),
      // The worst last, so that a short outage is not hidden under a long nuisance beside it.
      ...visible
        .toSorted((a, b) => a.impact - b.impact)
        .map(({ startMs, endMs, impact }) =>
          rect(x(startMs), y, Math.max(1, x(endMs) - x(startMs)), BAND_HEIGHT, IMPACT_COLOURS[impact] ?? '#000'),
        ),
    ];
  });
  const rows = policies.flatMap(({ policy, timeline }, i) => {
    const y = rowsTop + i * (ROW_HEIGHT + GAP);
    return [
      label(policy, y + ROW_HEIGHT / 2 + 4, true),
      rect(LEFT, y, PLOT_WIDTH, ROW_HEIGHT, '#f4f4f4'),
      ...stack(timeline, targets.length, y),
    ];
  });
  const width = LEFT + PLOT_WIDTH + RIGHT;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${bottom + 24}" viewBox="0 0 ${width} ${bottom + 24}" font-family="Helvetica, Arial, sans-serif" font-size="12">`,
    rect(0, 0, width, bottom + 24, '#fff'),
    `<text x="${LEFT}" y="20" font-size="15" font-weight="bold">${escapeXml(title)}</text>`,
    ...legend(targets),
    ...bands,
    ...rows,
    ...axis(fromMs, toMs, bandsTop, bottom, x),
    '</svg>',
    '',
  ].join('\n');
}

/** One area per target, on top of each other; a piece of time without jobs repeats the one before it. */
function stack(timeline: ShareTimeline, targets: number, y: number): string[] {
  const step = PLOT_WIDTH / timeline.buckets;
  let last: readonly number[] = Array.from({ length: targets }, () => 0);
  const columns = Array.from({ length: timeline.buckets }, (_, bucket) => (last = timeline.shares(bucket) ?? last));
  return Array.from({ length: targets }, (_, target) => {
    const edge = (upTo: number, shares: readonly number[]) =>
      (y + ROW_HEIGHT * (1 - shares.slice(0, upTo).reduce((sum, share) => sum + share, 0))).toFixed(1);
    const points = (upTo: number) =>
      columns.flatMap((shares, bucket) => {
        const height = edge(upTo, shares);
        return [
          `${(LEFT + bucket * step).toFixed(1)},${height}`,
          `${(LEFT + (bucket + 1) * step).toFixed(1)},${height}`,
        ];
      });
    const outline = [...points(target + 1), ...points(target).toReversed()].join(' ');
    return `<polygon points="${outline}" fill="${TARGET_COLOURS[target % TARGET_COLOURS.length]}"/>`;
  });
}

function legend(targets: readonly SimulatedTarget[]): string[] {
  const entries = [
    ...targets.map(({ id }, i) => [`first attempts to ${id}`, TARGET_COLOURS[i % TARGET_COLOURS.length] ?? '#000']),
    ...IMPACT_NAMES.map((name, impact) => [`${name} errors`, IMPACT_COLOURS[impact] ?? '#000']),
  ] as const;
  let left = LEFT;
  return entries.flatMap(([name = '', colour = '']) => {
    const at = left;
    left += 32 + name.length * 6.2;
    return [rect(at, 32, 14, 14, colour), `<text x="${at + 19}" y="44">${escapeXml(name)}</text>`];
  });
}

function axis(fromMs: number, toMs: number, top: number, bottom: number, x: (ms: number) => number): string[] {
  const isLong = toMs - fromMs > 3 * 86_400_000;
  return Array.from({ length: TICKS + 1 }, (_, i) => {
    const ms = fromMs + ((toMs - fromMs) * i) / TICKS;
    const iso = new Date(ms).toISOString();
    const text = isLong ? iso.slice(0, 10) : `${iso.slice(5, 10)} ${iso.slice(11, 16)}`;
    const at = x(ms).toFixed(1);
    return `<line x1="${at}" x2="${at}" y1="${top}" y2="${bottom}" stroke="#000" stroke-opacity="0.15"/><text x="${at}" y="${bottom + 12}" text-anchor="middle" font-size="11">${text}</text>`;
  });
}

const label = (text: string, y: number, isBold = false) =>
  `<text x="${LEFT - 10}" y="${y}" text-anchor="end"${isBold ? ' font-weight="bold"' : ''}>${escapeXml(text)}</text>`;

const rect = (left: number, top: number, width: number, height: number, fill: string) =>
  `<rect x="${left.toFixed(1)}" y="${top.toFixed(1)}" width="${width.toFixed(1)}" height="${height}" fill="${fill}"/>`;

const escapeXml = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
