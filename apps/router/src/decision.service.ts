import { Inject, Injectable } from '@nestjs/common';
import type { UnderstudyConfig } from '#libs/config';
import {
  choose,
  type Decision,
  initialRoutingState,
  type Observation,
  settle,
  type RouteQuestion,
  type TargetView,
} from '#libs/health-core';
import { HealthViewService } from './health-view.service.js';
import type { ResolvedRoute } from './resolve-route.js';
import { ROUTER_CONFIG } from './router.tokens.js';

/** What one job has met so far in this pass. */
export interface JobSoFar {
  tried: ReadonlySet<string>;
  failedProviders: ReadonlySet<string>;
  isRetry: boolean;
  /** How often it has been parked. */
  parkings: number;
}

/** Holds what this router knows by itself, and puts every question to the core. Gives the core its clock and its dice. */
@Injectable()
export class DecisionService {
  #routing = initialRoutingState();

  constructor(
    @Inject(ROUTER_CONFIG) private readonly config: UnderstudyConfig,
    private readonly health: HealthViewService,
  ) {}

  /** Whom to ask now, or how long to wait. A choice takes its place at once: it must be settled, however the call ends. */
  decide(route: ResolvedRoute, job: JobSoFar): { decision: Decision; views: ReadonlyMap<string, TargetView> } {
    const now = Date.now();
    const views = this.health.views(now);
    const decision = choose(
      questionOf(route, job, views),
      this.#routing,
      now,
      Math.random(),
      this.config.health.policy,
    );
    this.#routing = decision.routing;
    return { decision, views };
  }

  /** The call that was decided on has ended, in whatever way. */
  settle(end: Pick<Observation, 'target' | 'outcome' | 'latencyMs' | 'trial' | 'retryAfterMs'>): void {
    this.#routing = settle(this.#routing, end.target, end, Date.now(), Math.random(), this.config.health.policy);
  }
}

function questionOf(route: ResolvedRoute, job: JobSoFar, views: ReadonlyMap<string, TargetView>): RouteQuestion {
  const viewsOf = (ids: readonly string[]) => ids.flatMap((id) => views.get(id) ?? []);
  return {
    primary: viewsOf(route.primary),
    standIns: viewsOf(route.standIns),
    fallbacks: viewsOf(route.fallbacks),
    preferred: route.preferred === undefined ? undefined : views.get(route.preferred),
    pin: route.pin === undefined ? undefined : views.get(route.pin),
    ...job,
  };
}
