import { Controller, Get } from '@nestjs/common';
import { HealthViewService, type HealthViewStatus } from './health-view.service.js';

/** What this router routes by. */
export interface RouterStatusReport {
  snapshot: HealthViewStatus;
  /** Whose word counts at present: the aggregator's, or what this router sees itself. */
  health_source: 'snapshot' | 'own-outcomes';
  /** As this router sees them now. */
  targets: { target: string; breaker: string; score: number; reason: string | null; blocked_until: number | null }[];
}

/** For people: by which health this router decides. */
@Controller()
export class RouterStatusController {
  constructor(private readonly health: HealthViewService) {}

  @Get('status')
  status(): RouterStatusReport {
    const snapshot = this.health.status();
    const now = Date.now();
    const views = [...this.health.views(now).values()];
    return {
      snapshot,
      health_source: snapshot.stale ? 'own-outcomes' : 'snapshot',
      targets: views.map(({ target, breaker, score, reason, blockedUntil }) => ({
        target,
        breaker,
        score: Math.round(score * 10) / 10,
        reason,
        blocked_until: blockedUntil > now ? Math.round(blockedUntil) : null,
      })),
    };
  }
}
