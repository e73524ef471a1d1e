import { describe, expect, it } from 'vitest';
import { ShareTimeline } from './share-timeline.js';
import { simulatedTargets } from './targets.js';
import { renderTimeline } from './timeline-svg.js';

const FROM = Date.UTC(2024, 0, 1);
const DAY_MS = 86_400_000;

function picture() {
  const timeline = new ShareTimeline(2, FROM, FROM + 10 * DAY_MS, 10);
  for (let day = 0; day < 10; day++) timeline.add(day < 5 ? 0 : 1, FROM + day * DAY_MS);
  return renderTimeline({
    title: 'a < b & c',
    fromMs: FROM,
    toMs: FROM + 10 * DAY_MS,
    targets: simulatedTargets(false),
    incidents: [
      { provider: 'openai', startMs: FROM - DAY_MS, endMs: FROM + DAY_MS, impact: 3 },
      { provider: 'openai', startMs: FROM + 20 * DAY_MS, endMs: FROM + 21 * DAY_MS, impact: 1 },
    ],
    policies: [{ policy: 'adaptive', timeline }],
  });
}

describe('renderTimeline', () => {
  it('draws each incident of the time shown, cut to it, in the colour of its impact', () => {
    const svg = picture();
    expect(svg.match(/fill="#c7252c"/g)).toHaveLength(2);
    expect(svg).toContain('<rect x="130.0" y="64.0" width="120.0" height="18" fill="#c7252c"/>');
  });

  it('draws one area per target that fills the row as its share does', () => {
    const areas = [...picture().matchAll(/<polygon points="([^"]+)"/g)].map(([, points = '']) => points.split(' '));
    expect(areas).toHaveLength(2);
    const heightAt = (area: string[], column: number) => {
      const [top = 0, bottom = 0] = [area[2 * column], area[area.length - 1 - 2 * column]].map((point = '') =>
        Number(point.split(',')[1]),
      );
      return bottom - top;
    };
    expect([heightAt(areas[0] ?? [], 0), heightAt(areas[1] ?? [], 0)]).toEqual([70, 0]);
    expect([heightAt(areas[0] ?? [], 7), heightAt(areas[1] ?? [], 7)]).toEqual([0, 70]);
  });

  it('is well formed whatever the title says', () => {
    expect(picture()).toContain('a &lt; b &amp; c');
  });
});
