import { propagation, ROOT_CONTEXT, SpanKind, trace, type Attributes, type Link } from '@opentelemetry/api';
import { Inject, Injectable } from '@nestjs/common';
import { ATTR, SPAN_EVENT } from '#libs/contracts';
import { LOGGER } from '#libs/service';
import { HealthMetrics, ModeMetrics, type Logger } from '#libs/telemetry';
import { AlertService } from './alert.service.js';
import type { FleetEffect, TargetEffect } from './fleet-health.js';
import type { ModeEffect } from './mode-watch.js';
import { QuietPeriod } from './quiet-period.js';

const SLOW_ANSWER_LOG_MS = 60_000;

type StateChange = Extract<TargetEffect, { type: 'state-changed' }>;
type BreakerChange = Extract<TargetEffect, { type: 'breaker-changed' }>;
type Block = Extract<TargetEffect, { type: 'blocked' }>;
type SlowAnswer = Extract<TargetEffect, { type: 'slow-answer' }>;

/** Tells people what the core has decided: one line, one count and one span event per change of state. */
@Injectable()
export class HealthEffectsService {
  readonly #slowAnswers = new QuietPeriod(SLOW_ANSWER_LOG_MS);

  constructor(
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly metrics: HealthMetrics,
    private readonly modes: ModeMetrics,
    @Inject(AlertService) private readonly alerts: Pick<AlertService, 'send'>,
  ) {}

  /** Call it with what has been published, and only then: a former leader's decisions are nobody's. */
  carryOut(effects: readonly FleetEffect[]): void {
    const changes = effects.filter((effect) => effect.type === 'state-changed' || effect.type === 'breaker-changed');
    if (changes.length > 0) this.#tellChanges(changes);
    for (const effect of effects)
      if (effect.type === 'slow-answer') this.#tellSlowAnswer(effect);
      else if (effect.type === 'blocked') this.#tellBlock(effect);
      else if (effect.type === 'mode-changed') this.#tellMode(effect);
    this.alerts.send(effects.flatMap((effect) => (effect.type === 'alerted' ? [effect.alert] : [])));
  }

  /** A span exists only when there is something to see in it; it leads to the calls on which the decision rests. */
  #tellChanges(changes: readonly (StateChange | BreakerChange)[]): void {
    const evidence = new Map(changes.map(({ target, cause }) => [`${target} ${cause?.evidence}`, { target, cause }]));
    const links = [...evidence.values()].flatMap(({ target, cause }) => evidenceLink(target, cause?.evidence));
    const options = { kind: SpanKind.CONSUMER, links, attributes: { [ATTR.messagingOperationType]: 'process' } };
    const tracer = trace.getTracer('aggregator');
    tracer.startActiveSpan('process observations', options, ROOT_CONTEXT, (span) => {
      for (const change of changes)
        if (change.type === 'state-changed') {
          span.addEvent(SPAN_EVENT.healthStateChange, stateAttributes(change));
          this.metrics.stateChanged(change.model, change.to);
          this.#logState(change);
        } else {
          span.addEvent(SPAN_EVENT.breakerChange, breakerAttributes(change));
          this.metrics.circuitChanged(change.model, change.to);
          this.#logBreaker(change);
        }
      span.end();
    });
  }

  /** One line says which targets, since when, and what they said last. */
  #tellMode({ from, to, reason, afterMs, evidence }: ModeEffect): void {
    trace.getTracer('aggregator').startActiveSpan('switch mode', {}, ROOT_CONTEXT, (span) => {
      const attributes = { [ATTR.modeFrom]: from, [ATTR.modeTo]: to, [ATTR.modeReason]: reason };
      span.addEvent(SPAN_EVENT.modeChange, attributes);
      this.modes.switched(from, to, reason);
      const fields = { event: SPAN_EVENT.modeChange, from, to, reason, after_ms: afterMs, targets: evidence };
      const lasted = afterMs === null ? '' : ` for ${Math.round(afterMs / 1000)} s`;
      const members = evidence.map(({ target, state }) => `${target} ${state}`).join(', ');
      const text = `mode ${from} → ${to}: ${reason.replaceAll('_', ' ')}${lasted}; ${members}`;
      this.logger.warn(fields, text);
      span.end();
    });
  }

  #logState({ target, from, to, reason, scoreAfter, cause }: StateChange): void {
    const score = Math.round(scoreAfter * 10) / 10;
    const { source, outcome } = cause ?? {};
    const fields = { event: SPAN_EVENT.healthStateChange, target, from, to, score, reason, source, outcome };
    const last = outcome ? `, last outcome ${outcome}` : '';
    const text = `${target} ${from} → ${to}: ${reason.replaceAll('_', ' ')}${last}, score ${score}`;
    if (to === 'healthy') this.logger.info(fields, text);
    else this.logger.warn(fields, text);
  }

  /** Opening and closing are changes of state, and told as such; what is left is that trials begin. */
  #logBreaker({ target, to, generation }: BreakerChange): void {
    if (to !== 'half-open') return;
    const fields = { event: SPAN_EVENT.breakerChange, target, to, generation };
    this.logger.info(fields, `${target} seems to be back: single jobs try it`);
  }

  #tellBlock({ target, model, forMs, cause }: Block): void {
    this.metrics.targetBlocked(model);
    const fields = { event: 'llm.target.blocked', target, for_ms: Math.round(forMs), source: cause.source };
    this.logger.info(
      fields,
      `${target} answered 429 and is left alone for ${Math.ceil(forMs / 1000)} s by all routers`,
    );
  }

  #tellSlowAnswer({ target, latencyMs, maxLatencyMs, source }: SlowAnswer): void {
    const heldBack = this.#slowAnswers.pass(target, performance.now());
    if (heldBack === null) return;
    const fields = { event: 'llm.health.slow_answer', target, latencyMs, maxLatencyMs, source, heldBack };
    this.logger.warn(
      fields,
      `${target} took ${Math.round(latencyMs)} ms, more than its maxLatencyMs of ${maxLatencyMs}`,
    );
  }
}

const stateAttributes = ({ target, from, to, scoreBefore, scoreAfter }: StateChange): Attributes => ({
  [ATTR.healthTarget]: target,
  [ATTR.healthFrom]: from,
  [ATTR.healthTo]: to,
  [ATTR.healthScoreBefore]: scoreBefore,
  [ATTR.healthScoreAfter]: scoreAfter,
});

const breakerAttributes = ({ target, from, to, reason }: BreakerChange): Attributes => ({
  [ATTR.healthTarget]: target,
  [ATTR.breakerFrom]: from,
  [ATTR.breakerTo]: to,
  ...(reason && { [ATTR.breakerReason]: reason }),
});

function evidenceLink(target: string, traceparent: string | undefined): Link[] {
  const context = traceparent && trace.getSpanContext(propagation.extract(ROOT_CONTEXT, { traceparent }));
  if (!context) return [];
  return [{ context, attributes: { [ATTR.linkType]: 'health_evidence', [ATTR.healthTarget]: target } }];
}
