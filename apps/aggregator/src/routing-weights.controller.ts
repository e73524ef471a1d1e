import { Controller, Get } from '@nestjs/common';
import { HealthViewService } from './health-view.service.js';
import { rounded } from './target-report.js';

/** What `/routing-weights` answers, by target id. */
export interface RoutingWeightsReport {
  weights: Record<string, { model: string; base_weight: number; health_score: number; routing_weight: number }>;
}

/** How traffic should be shared out now. A target's share is its weight over the sum of all; all are 0 when none is healthy. */
@Controller()
export class RoutingWeightsController {
  constructor(private readonly view: HealthViewService) {}

  @Get('routing-weights')
  weights(): RoutingWeightsReport {
    const targets = this.view.snapshot?.targets ?? [];
    const entries = targets.map(({ target, model, weight, score, routingWeight }) => [
      target,
      { model, base_weight: weight, health_score: rounded(score), routing_weight: rounded(routingWeight) },
    ]);
    return { weights: Object.fromEntries(entries) };
  }
}
