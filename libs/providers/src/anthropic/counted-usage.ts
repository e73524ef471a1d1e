import { type Fields, fieldsOf } from './fields.js';

const NOTHING_COUNTED = { input_tokens: 0, output_tokens: 0 };

/** The usage that a message or one of its events tells, and undefined where it tells none. */
const usageIn = (holder: Fields): Fields | undefined =>
  typeof holder['usage'] === 'object' && holder['usage'] !== null ? (holder['usage'] as Fields) : undefined;

/** A message as the library accepts it: it takes none without usage, but relays leave it out. */
export function withUsage(message: unknown): { message: unknown; isCounted: boolean } {
  const fields = fieldsOf(message);
  if (usageIn(fields)) return { message, isCounted: true };
  return { message: { ...fields, usage: NOTHING_COUNTED }, isCounted: false };
}

/** The same for an event of a stream; the tokens are counted if any event says so. */
export function eventWithUsage(type: unknown, event: unknown): { event: unknown; isCounted: boolean } {
  const fields = fieldsOf(event);
  if (type === 'message_start') {
    const { message, isCounted } = withUsage(fields['message']);
    return { event: isCounted ? event : { ...fields, message }, isCounted };
  }
  if (type !== 'message_delta') return { event, isCounted: false };
  const usage = usageIn(fields);
  return { event: usage ? event : { ...fields, usage: { output_tokens: 0 } }, isCounted: usage !== undefined };
}
