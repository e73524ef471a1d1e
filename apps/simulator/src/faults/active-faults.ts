import type { Reply } from '../reply.js';
import { seededRandom } from '../seeded-random.js';
import { createResponder } from './create-responder.js';
import type { Fault, FaultOf } from './fault.js';
import type { FaultedCall, FaultResponder } from './fault-responder.js';
import { requestRange, type FaultSpan } from './fault-span.js';

/** Whom a fault or a question is about: a provider, or one model of it. */
export interface FaultScope {
  provider: string;
  /** Absent: all models of the provider. */
  model?: string | undefined;
}

/** A fault in force. */
interface ActiveFault extends FaultScope {
  id: string;
  fault: Fault;
  respond: FaultResponder;
  setAtMs: number;
  endsAtMs: number;
  /** Requests it still lets pass before it begins. */
  passesLeft: number;
  requestsLeft: number;
  /** Requests it answered or slowed. */
  hits: number;
}

/** What the faults in force do to one request: at most one answer, and all the slowing on the way to it. */
export interface FaultDecision {
  /** Kind of the answering fault, else of the slowing one. */
  kind?: Fault['kind'];
  /** Absent: the true answer. */
  answer?: Reply;
  factor: number;
  addMs: number;
}

const NO_FAULT: FaultDecision = { factor: 1, addMs: 0 };

/** The faults in force, newest first: the newest one that has something to answer wins; slowing adds up. */
export class ActiveFaults {
  private readonly byProvider = new Map<string, ActiveFault[]>();
  private lastId = 0;

  constructor(private readonly seed: number) {}

  /** Puts a fault in force and returns its id. */
  add(scope: FaultScope, fault: Fault, span: FaultSpan, nowMs: number): string {
    const { passes, requests } = requestRange(span);
    const active: ActiveFault = {
      ...scope,
      id: `fault-${++this.lastId}`,
      fault,
      // Seeded by scope and not by id: the same fault set again fails the same requests again.
      respond: createResponder(
        fault,
        seededRandom(`${this.seed}/${scope.provider}/${scope.model ?? '*'}/${fault.kind}`),
      ),
      setAtMs: nowMs,
      endsAtMs: span.forMs === undefined ? Infinity : nowMs + span.forMs,
      passesLeft: passes,
      requestsLeft: requests,
      hits: 0,
    };
    this.byProvider.set(scope.provider, [active, ...this.inForce(scope.provider, nowMs)]);
    return active.id;
  }

  /** Asks the faults of a model, newest first. Each one asked lets one of its requests pass, or spends one. */
  decide(scope: Required<FaultScope>, call: FaultedCall): FaultDecision {
    if (!this.byProvider.has(scope.provider)) return NO_FAULT;
    const decision: FaultDecision = { ...NO_FAULT };
    for (const active of this.inForce(scope.provider, call.nowMs)) {
      if (active.model !== undefined && active.model !== scope.model) continue;
      // Once there is an answer, older faults can only make it later.
      if (decision.answer !== undefined && active.fault.kind !== 'slow') continue;
      if (active.passesLeft > 0) {
        active.passesLeft -= 1;
        continue;
      }
      active.requestsLeft -= 1;
      const effect = active.respond(call);
      if (effect === undefined) continue;
      active.hits += 1;
      if ('factor' in effect) {
        decision.kind ??= active.fault.kind;
        decision.factor *= effect.factor;
        decision.addMs += effect.addMs;
      } else {
        decision.kind = active.fault.kind;
        decision.answer = effect;
      }
    }
    return decision;
  }

  /** The fault that has a whole provider down, if one has. Looking spends no request. */
  findDown(provider: string, nowMs: number): FaultOf<'down'> | undefined {
    return this.inForce(provider, nowMs)
      .filter((active) => active.model === undefined && active.passesLeft === 0)
      .map((active) => active.fault)
      .find((fault) => fault.kind === 'down');
  }

  /** Clears by scope: everything, a provider with all its models, or one model's own faults. Returns how many. */
  clear(scope: Partial<FaultScope>): number {
    return this.removeWhere(
      (active) =>
        (scope.provider === undefined || active.provider === scope.provider) &&
        (scope.model === undefined || active.model === scope.model),
    );
  }

  /** Clears one fault; false when no such fault is in force. */
  remove(id: string): boolean {
    return this.removeWhere((active) => active.id === id) > 0;
  }

  /** The faults in force as the admin API shows them, oldest first. */
  list(nowMs: number): object[] {
    return [...this.byProvider.keys()]
      .flatMap((provider) => this.inForce(provider, nowMs))
      .sort((left, right) => left.setAtMs - right.setAtMs)
      .map(({ id, provider, model, fault, setAtMs, endsAtMs, passesLeft, requestsLeft, hits }) => ({
        id,
        provider,
        model,
        fault,
        setAt: setAtMs,
        endsAt: Number.isFinite(endsAtMs) ? endsAtMs : undefined,
        passesLeft: passesLeft > 0 ? passesLeft : undefined,
        requestsLeft: Number.isFinite(requestsLeft) ? requestsLeft : undefined,
        hits,
      }));
  }

  /** Faults end by themselves when their time or their requests are used up; looking is when that is noticed. */
  private inForce(provider: string, nowMs: number): ActiveFault[] {
    const faults = this.byProvider.get(provider) ?? [];
    const isOver = (active: ActiveFault): boolean => active.requestsLeft <= 0 || active.endsAtMs <= nowMs;
    if (!faults.some(isOver)) return faults;
    const left = faults.filter((active) => !isOver(active));
    if (left.length === 0) this.byProvider.delete(provider);
    else this.byProvider.set(provider, left);
    return left;
  }

  private removeWhere(matches: (active: ActiveFault) => boolean): number {
    let removed = 0;
    for (const [provider, faults] of this.byProvider) {
      const left = faults.filter((active) => !matches(active));
      removed += faults.length - left.length;
      if (left.length === 0) this.byProvider.delete(provider);
      else this.byProvider.set(provider, left);
    }
    return removed;
  }
}
