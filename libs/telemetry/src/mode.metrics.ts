import { Counter, Gauge, type Registry } from 'prom-client';

/** The two modes by name. */
export interface KnownModes {
  primary: string;
  secondary: string;
}

/** Which mode the fleet is in. Without modes nothing is exported. */
export class ModeMetrics {
  private readonly mode: Gauge<'mode'>;
  private readonly switches: Counter<'from' | 'to' | 'reason'>;

  constructor(
    registry: Registry,
    private readonly known: KnownModes | undefined,
  ) {
    const registers = [registry];
    this.mode = new Gauge({
      name: 'ai_mode',
      help: '1 for the mode whose targets are asked first, 0 for the other',
      labelNames: ['mode'],
      registers,
    });
    this.switches = new Counter({
      name: 'ai_mode_switches_total',
      help: 'Changes of the mode, by where it came from, where it went, and why',
      labelNames: ['from', 'to', 'reason'],
      registers,
    });
    if (!known) return;
    const { primary, secondary } = known;
    this.switches.inc({ from: primary, to: secondary, reason: 'primary_failing' }, 0);
    this.switches.inc({ from: secondary, to: primary, reason: 'primary_recovered' }, 0);
  }

  /** The mode of the latest snapshot. */
  publish(current: string): void {
    if (!this.known) return;
    for (const mode of [this.known.primary, this.known.secondary]) this.mode.set({ mode }, mode === current ? 1 : 0);
  }

  /** The mode has changed. */
  switched(from: string, to: string, reason: string): void {
    this.switches.inc({ from, to, reason });
  }
}
