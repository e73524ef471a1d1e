import type { Random } from '../seeded-random.js';
import { answerResponders } from './answer-faults.js';
import { bodyResponders } from './body-faults.js';
import { cutResponders } from './cut-faults.js';
import { errorResponders } from './error-faults.js';
import type { Fault, FaultOf } from './fault.js';
import type { FaultResponder, FaultResponders } from './fault-responder.js';
import { timingResponders } from './timing-faults.js';

const responders: FaultResponders<Fault> = {
  ...errorResponders,
  ...timingResponders,
  ...cutResponders,
  ...bodyResponders,
  ...answerResponders,
};

/** The responder of a fault. A fault that counts or draws keeps that state in its responder. */
export function createResponder<Kind extends Fault['kind']>(fault: FaultOf<Kind>, random: Random): FaultResponder {
  return (responders[fault.kind as Kind] as (fault: FaultOf<Kind>, random: Random) => FaultResponder)(fault, random);
}
