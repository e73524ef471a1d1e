import { Inject, Injectable, Logger } from '@nestjs/common';
import type { UnderstudyConfig } from '#libs/config';
import {
  choose,
  type Choice,
  type Decision,
  initialRoutingState,
  inMode,
  learnLimit,
  learnPlaceFreed,
  type LimitAnswer,
  type Observation,
  settle,
  type RouteQuestion,
  type TargetView,
} from '#libs/health-core';
import { HealthViewService } from './health-view.service.js';
import type { SecondCall } from './pass-log.js';
import type { ResolvedRoute } from './resolve-route.js';
import { NO_LUCK, RoomLook } from './room-look.js';
import { ROUTER_CONFIG } from './router.tokens.js';
import { TargetHosts } from './target-hosts.js';

/** What one job has met so far in this pass. */
export interface JobSoFar {
  tried: ReadonlySet<string>;
  failedProviders: ReadonlySet<string>;
  /** Targets that had no place for it, and until when. */
  limited?: ReadonlyMap<string, number>;
  isRetry: boolean;
  /** The target that may be asked a second time. */
  again?: SecondCall | undefined;
  /** How often it has paused after failures. */
  parkings: number;
}

/** One decision, and what it rests on. */
export interface RouteDecision {
  decision: Decision;
  /** By target id. */
  views: ReadonlyMap<string, TargetView>;
  /** Mode whose targets came first; null where there are no modes. */
  mode: string | null;
}

const NEW_JOB: JobSoFar = { tried: new Set(), failedProviders: new Set(), isRetry: false, parkings: 0 };

/** Holds what this router knows by itself, and puts every question to the core. Gives the core its clock and its dice. */
@Injectable()
export class DecisionService {
  #routing = initialRoutingState();
  #hearRoom = (): void => undefined;
  readonly #modeOf: ReadonlyMap<string, string | undefined>;
  readonly #hosts: TargetHosts;
  readonly #log = new Logger(DecisionService.name);

  constructor(
    @Inject(ROUTER_CONFIG) private readonly config: UnderstudyConfig,
    private readonly health: HealthViewService,
  ) {
    this.#modeOf = new Map(config.targets.map(({ id, mode }) => [id, mode]));
    this.#hosts = new TargetHosts(config);
  }

  /** Whom to ask now, or how long to wait. A choice takes its place at once: it must be settled, however the call ends, or be refused by a limit. */
  decide(route: ResolvedRoute, job: JobSoFar): RouteDecision {
    const now = Date.now();
    const views = this.health.views(now);
    const mode = route.mode ?? this.health.mode();
    const decision = choose(
      this.#question(route, job, views, mode, now),
      this.#routing,
      now,
      Math.random(),
      this.config.health.policy,
    );
    this.#routing = decision.routing;
    return { decision, views, mode };
  }

  /** For how many new jobs there is room now. */
  lookForRoom(): RoomLook {
    const now = Date.now();
    const views = this.health.views(now);
    const mode = this.health.mode();
    const questionOf = (route: ResolvedRoute) => this.#question(route, NEW_JOB, views, route.mode ?? mode, now);
    return new RoomLook({ questionOf, routing: this.#routing, now, policy: this.config.health.policy });
  }

  /** How long until a new job may ask somebody along this route, in milliseconds; 0: now. */
  waitFor(route: ResolvedRoute): number {
    const now = Date.now();
    return choose(this.#newJob(route, now), this.#routing, now, NO_LUCK, this.config.health.policy).waitMs;
  }

  /**
   * Mode that an answer of this target is told under; undefined without modes.
   * @param wish of the job, if it named a mode
   */
  servedMode(target: string, wish: string | undefined): string | undefined {
    return this.#modeOf.get(target) ?? wish ?? this.health.mode() ?? undefined;
  }

  /** The call that was decided on has ended, in whatever way. */
  settle(end: Pick<Observation, 'target' | 'outcome' | 'latencyMs' | 'trial' | 'retryAfterMs'>): void {
    const now = Date.now();
    const others = this.#hosts.othersAt(end.target);
    if (end.outcome === 'dns_tls') this.#tellHost(end.target, others, now);
    this.#routing = settle(this.#routing, end.target, end, now, Math.random(), this.config.health.policy, others);
  }

  /** Once per time of being skipped, not once per call. */
  #tellHost(target: string, others: readonly string[], now: number): void {
    const { hostSkipMs } = this.config.health.policy;
    if (now - (this.#routing.targets[target]?.hostFailedAt ?? 0) < hostSkipMs) return;
    const host = this.#hosts.hostOf(target);
    const targets = [target, ...others];
    this.#log.warn({
      event: 'llm.host.skipped',
      host,
      targets,
      for_ms: hostSkipMs,
      msg: `${host} cannot be reached (name or certificate) and is asked last for ${Math.round(hostSkipMs / 1000)} s: check baseUrl`,
    });
  }

  /** What the shared limit said to the call that was decided on. A refused one is not settled. */
  learnLimit(choice: Choice, answer: LimitAnswer): void {
    this.#routing = learnLimit(this.#routing, choice, answer, Date.now());
    if (answer.room > 0) this.#hearRoom();
  }

  /** A call under way to a target has ended, where calls under way are what its limit counts. */
  learnPlaceFreed(target: string): void {
    this.#routing = learnPlaceFreed(this.#routing, target, Date.now());
    this.#hearRoom();
  }

  /** `hear` is called when a target at its limit is found to have room again. */
  onRoom(hear: () => void): void {
    this.#hearRoom = hear;
  }

  /** Of a job that has met nothing yet. */
  #newJob(route: ResolvedRoute, now: number): RouteQuestion {
    return this.#question(route, NEW_JOB, this.health.views(now), route.mode ?? this.health.mode(), now);
  }

  /** Targets of the other mode are a reserve for this job; only a pin asks one of them first. */
  #question(
    route: ResolvedRoute,
    job: JobSoFar,
    views: ReadonlyMap<string, TargetView>,
    mode: string | null,
    now: number,
  ): RouteQuestion {
    const returnedAt = route.mode === undefined ? this.health.modeReturnedAt(now) : 0;
    const isOfMode = (id: string) => mode === null || (this.#modeOf.get(id) ?? mode) === mode;
    const viewsOf = (ids: readonly string[]) =>
      ids.flatMap((id) => {
        const view = views.get(id);
        return view ? inMode(view, { mode: this.#modeOf.get(id) }, mode, returnedAt) : [];
      });
    const { primary, standIns, fallbacks, preferred, pin } = route;
    const { again, ...soFar } = job;
    const againView = again && views.get(again.target);
    return {
      primary: viewsOf(primary),
      standIns: viewsOf(standIns),
      fallbacks: viewsOf([...fallbacks.filter(isOfMode), ...fallbacks.filter((id) => !isOfMode(id))]),
      preferred: preferred !== undefined && isOfMode(preferred) ? views.get(preferred) : undefined,
      pin: pin === undefined ? undefined : views.get(pin),
      ...soFar,
      again: again && againView && { view: againView, when: again.when, at: again.at },
    };
  }
}
