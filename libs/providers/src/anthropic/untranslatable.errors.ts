/** The request says something for which Anthropic's format has no words, or something that is no OpenAI request at all. */
export class UntranslatableError extends Error {
  override readonly name = 'UntranslatableError';

  /** @param failure `unsupported_param` where another provider could do it, `bad_request` where nobody could */
  constructor(
    readonly failure: 'unsupported_param' | 'bad_request',
    message: string,
  ) {
    super(message);
  }
}
