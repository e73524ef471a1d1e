/** An argument or an input file is wrong; the message names it and the fix. */
export class OutagesInputError extends Error {
  override readonly name = 'OutagesInputError';
  readonly code = 'outages_input';
}
