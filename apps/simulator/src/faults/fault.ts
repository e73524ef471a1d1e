import { z } from 'zod';
import { answerFaults } from './answer-faults.js';
import { bodyFaults } from './body-faults.js';
import { cutFaults } from './cut-faults.js';
import { errorFaults } from './error-faults.js';
import { timingFaults } from './timing-faults.js';

const faultSchemas = [...errorFaults, ...timingFaults, ...cutFaults, ...bodyFaults, ...answerFaults] as const;

/** The kinds there are. */
const faultKinds = faultSchemas.map((schema) => schema.shape.kind.value);

/** Every way a provider can misbehave. A new kind is one schema and one responder in the file of its sort. */
export const faultSchema = z.discriminatedUnion('kind', faultSchemas, {
  error: ({ input }) =>
    typeof input === 'object'
      ? `must be one of: ${faultKinds.join(', ')}`
      : 'must be an object such as {"kind":"slow-drip","tokensPerSecond":8}',
});

/** A way to misbehave, with defaults filled in. */
export type Fault = z.infer<typeof faultSchema>;

/** One kind of fault. */
export type FaultOf<Kind extends Fault['kind']> = Extract<Fault, { kind: Kind }>;
