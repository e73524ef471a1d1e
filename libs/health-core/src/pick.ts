import type { Alternative } from './alternative.js';
import type { Again, ChoiceKind } from './decision.js';
import type { RoutingState } from './routing-state.js';

/** Whom to ask, and what else the decision settled. */
export interface Pick {
  chosen: Alternative;
  kind: ChoiceKind;
  share: number;
  /** To be kept, if the group was asked in turn. */
  turns?: RoutingState['turns'];
}

/** The question, with what this router knows of each target. A target may stand in several lists. */
export interface Field {
  primary: Alternative[];
  standIns: Alternative[];
  fallbacks: Alternative[];
  preferred: Alternative | undefined;
  everyone: Alternative[];
  /** The target that failed last, if it may be asked once more; not part of `everyone`. */
  again: { alternative: Alternative; when: Again['when'] } | undefined;
}
