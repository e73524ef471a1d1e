import { choose, type HealthPolicy, type RouteQuestion, type RoutingState } from '#libs/health-core';
import type { ResolvedRoute } from './resolve-route.js';

/** A draw that wins no trial out of turn: the job itself would hardly win it too. */
export const NO_LUCK = 1 - Number.EPSILON;

/** What a router knows at one moment. */
export interface Moment {
  /** A new job's question along a route. */
  questionOf: (route: ResolvedRoute) => RouteQuestion;
  routing: RoutingState;
  /** Epoch milliseconds. */
  now: number;
  policy: HealthPolicy;
}

/**
 * Tells how many new jobs could be sent off at one moment, one after the other, over all routes: a place that is found for one is gone
 * for the next. It only looks: no place is taken.
 */
export class RoomLook {
  #routing: RoutingState;

  constructor(private readonly moment: Moment) {
    this.#routing = moment.routing;
  }

  /** Whether there is room for one job. */
  has(route: ResolvedRoute): boolean {
    return this.#ask(route).choice !== null;
  }

  /** How many of `most` find room. */
  find(route: ResolvedRoute, most: number): number {
    for (let n = 0; n < most; n++) {
      const { choice, routing } = this.#ask(route);
      if (!choice) return n;
      this.#routing = routing;
    }
    return most;
  }

  #ask(route: ResolvedRoute) {
    const { questionOf, now, policy } = this.moment;
    return choose(questionOf(route), this.#routing, now, NO_LUCK, policy);
  }
}
