import { AUTO_MODE, type SnapshotMode } from '#libs/contracts';
import {
  fleetTransition,
  initialFleetMode,
  type FleetMode,
  type ModeChange,
  type ModeRules,
  type TargetView,
} from '#libs/health-core';

/** A target of the primary mode, as it was when the mode changed: the reason for it. */
interface ModeEvidence {
  target: string;
  state: 'healthy' | 'unhealthy' | 'unavailable';
  /** When its breaker last changed, epoch milliseconds; null: never. */
  since: number | null;
  lastError: string | null;
}

/** A change of the mode, and the primary targets behind it. */
export type ModeEffect = { type: 'mode-changed' } & ModeChange & { evidence: ModeEvidence[] };

/** The mode of the fleet, looked at with every snapshot. Reads no clock. */
export class ModeWatch {
  #mode: FleetMode;
  #setTo: string | null = null;

  /** @param saved of an earlier watch; of another configuration it counts as nothing */
  constructor(
    private readonly rules: ModeRules,
    saved?: FleetMode,
  ) {
    const known = [rules.primary, rules.secondary];
    const isOurs = saved && known.includes(saved.automatic) && known.includes(saved.current);
    this.#mode = isOurs ? saved : initialFleetMode(rules);
  }

  /** @param members the targets that belong to the primary mode alone: one that serves both says nothing about either */
  look(members: readonly TargetView[], setTo: string | null, now: number): ModeEffect[] {
    const isPrimaryUp = members.some(({ healthy }) => healthy);
    const [next, change] = fleetTransition(this.#mode, { isPrimaryUp, setTo, now }, this.rules);
    this.#mode = next;
    // A name that this configuration does not know has no effect, and is not told as if it had.
    this.#setTo = setTo === this.rules.primary || setTo === this.rules.secondary ? setTo : null;
    return change ? [{ type: 'mode-changed', ...change, evidence: members.map(evidenceOf) }] : [];
  }

  told(): SnapshotMode {
    const { current, reason, changedAt, countingSince } = this.#mode;
    const { primary } = this.rules;
    return { current, primary, setTo: this.#setTo ?? AUTO_MODE, reason, changedAt, countingSince };
  }

  save(): FleetMode {
    return this.#mode;
  }
}

const evidenceOf = ({ target, available, healthy, changedAt, errorMessage }: TargetView): ModeEvidence => ({
  target,
  state: healthy ? 'healthy' : available ? 'unhealthy' : 'unavailable',
  since: changedAt || null,
  lastError: errorMessage,
});
