import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';

/** Name of this process among all aggregators, for the lease and for people. */
export class AggregatorId {
  readonly value = `${hostname()}-${process.pid}-${randomBytes(3).toString('hex')}`;
}
