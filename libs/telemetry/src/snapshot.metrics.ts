import { Gauge, type Registry } from 'prom-client';

/** How old the health is by which a process decides. */
export class SnapshotMetrics {
  /** @param ageMs asked at every scrape; Infinity while there is no snapshot */
  constructor(registry: Registry, ageMs: () => number) {
    new Gauge({
      name: 'ai_health_snapshot_age_seconds',
      help: 'Age of the health snapshot in use; no value before the first one',
      registers: [registry],
      collect() {
        const age = ageMs();
        // A gauge without labels starts at 0, which would be the freshest snapshot there can be.
        this.remove();
        if (Number.isFinite(age)) this.set(age / 1_000);
      },
    });
  }
}
