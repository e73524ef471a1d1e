import { UnderstudyError } from './errors.js';

/**
 * The size of a request: of its own JSON as UTF-8, in bytes. What stands beside it in a job (deadline, routing, tenant …) is small and
 * does not count.
 * @throws UnderstudyError `payload_too_large` with both sizes; `invalid_request` for what is no JSON
 */
export function checkRequestSize(request: object, maxBytes: number): number {
  const bytes = Buffer.byteLength(toJson(request));
  if (bytes <= maxBytes) return bytes;
  throw new UnderstudyError(
    'payload_too_large',
    `The request is ${bytes} bytes of JSON; at most ${maxBytes} are accepted (jobs.maxRequestBytes)`,
  );
}

function toJson(request: object): string {
  try {
    return JSON.stringify(request);
  } catch (error) {
    throw new UnderstudyError('invalid_request', `The request cannot be written as JSON: ${(error as Error).message}`);
  }
}
