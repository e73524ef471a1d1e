/** An error before it takes a wire's shape. */
export interface WireError {
  status: number;
  message: string;
  /** Absent: the one the wire uses with the status. */
  type?: string | undefined;
  code?: string | undefined;
  /** Type and code on OpenAI's wire when none is given: it has codes where Anthropic has types. */
  openAi?: { type?: string; code?: string } | undefined;
  /** The field at fault; OpenAI's wire alone shows it. */
  param?: string | undefined;
}

/** What the two wire formats do differently, whatever is asked. */
export interface Wire {
  name: 'openai' | 'anthropic';
  /** The header with the id of a request. */
  requestIdHeader: string;
  renderError(error: WireError, requestId: string): string;
  /** An error as an event of a stream. */
  renderErrorEvent(error: WireError, requestId: string): string;
  /** What a stream says to stay alive. */
  keepAlive: string;
}
