import { vi } from 'vitest';

/**
 * How long a wait for a condition lasts when the test does not say, in milliseconds. It ends as soon as the condition holds, so a long
 * wait costs time only where the test fails; the second that Vitest gives is too short for a busy machine with two cores.
 */
const PATIENCE_MS = 15_000;

const { waitFor } = vi;
vi.waitFor = (callback, options = {}) =>
  waitFor(callback, typeof options === 'number' ? options : { timeout: PATIENCE_MS, ...options });
