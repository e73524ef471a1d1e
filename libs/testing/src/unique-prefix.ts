import { randomBytes } from 'node:crypto';

/** A Redis prefix that no other test uses, so that test files can run side by side: `{test-1f2e3d4c5b6a}`. */
export function uniquePrefix(): string {
  return `{test-${randomBytes(6).toString('hex')}}`;
}
