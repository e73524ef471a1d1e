import type { ServerResponse } from 'node:http';
import { Controller, Get, Res } from '@nestjs/common';
import { HealthViewService } from './health-view.service.js';
import { rounded, roundedMs } from './target-report.js';

const BEST_COUNT = 3;

/** What `/health` answers. Counts are of targets: a model that two providers serve counts twice. */
export interface HealthReport {
  status: 'healthy' | 'degraded';
  /** The best three of those that are healthy. */
  models: { model: string; target: string; score: number; latency_ms: number | null }[];
  healthy_models: number;
  total_models: number;
}

/** Whether the system can answer: 200 while at least one target is healthy, else 503. */
@Controller()
export class HealthController {
  constructor(private readonly view: HealthViewService) {}

  @Get('health')
  health(@Res({ passthrough: true }) response: ServerResponse): HealthReport {
    const targets = this.view.snapshot?.targets ?? [];
    const healthy = targets.filter((target) => target.healthy).toSorted((a, b) => b.score - a.score);
    const models = healthy.slice(0, BEST_COUNT).map(({ model, target, score, latencyMs }) => ({
      model,
      target,
      score: rounded(score),
      latency_ms: roundedMs(latencyMs),
    }));
    if (healthy.length === 0) response.statusCode = 503;
    return {
      status: healthy.length > 0 ? 'healthy' : 'degraded',
      models,
      healthy_models: healthy.length,
      total_models: targets.length,
    };
  }
}
