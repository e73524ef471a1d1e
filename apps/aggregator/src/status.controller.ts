import { Controller, Get } from '@nestjs/common';
import type { SnapshotMode } from '#libs/contracts';
import { Lease } from '#libs/store';
import { AggregatorId } from './aggregator-id.js';
import { HealthViewService } from './health-view.service.js';
import { ObservationService } from './observation.service.js';
import { targetReport, type TargetReport } from './target-report.js';

/** What `/status` answers. */
export interface StatusReport {
  /** This process. */
  id: string;
  role: 'leader' | 'standby';
  /** Who held the lease when this process last looked; null before it could. */
  leader: string | null;
  /** Of the snapshot below; null before the first. */
  epoch: number | null;
  version: number | null;
  at: number | null;
  age_ms: number | null;
  /** Nobody has published for longer than `health.policy.staleAfterMs`. */
  stale: boolean;
  scoring: string | null;
  /** Null where no modes are configured. */
  mode: SnapshotMode | null;
  targets: TargetReport[];
  /** What this process did with observations since it started. */
  observations: { folded: number; repeated: number; rejected: number };
}

/** All that is known, for people and for the command line. */
@Controller()
export class StatusController {
  constructor(
    private readonly id: AggregatorId,
    private readonly view: HealthViewService,
    private readonly lease: Lease,
    private readonly observations: ObservationService,
  ) {}

  @Get('status')
  status(): StatusReport {
    const { snapshot } = this.view;
    const { ageMs, stale } = this.view.freshness();
    return {
      id: this.id.value,
      role: this.lease.epoch === null ? 'standby' : 'leader',
      leader: this.lease.owner,
      epoch: snapshot?.epoch ?? null,
      version: snapshot?.version ?? null,
      at: snapshot?.at ?? null,
      age_ms: ageMs,
      stale,
      scoring: snapshot?.scoring ?? null,
      mode: snapshot?.mode ?? null,
      targets: snapshot?.targets.map(targetReport) ?? [],
      observations: { ...this.observations.counts },
    };
  }
}
