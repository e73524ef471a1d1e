/** An error as the OpenAI API sends it. */
export interface OpenAiError {
  status: number;
  message: string;
  type: string;
  param: string | null;
  code: string | null;
}

/** The JSON text of an error body, `{"error":{message,type,param,code}}`. */
export function renderOpenAiError(error: Omit<OpenAiError, 'status'>): string {
  const { message, type, param, code } = error;
  return JSON.stringify({ error: { message, type, param, code } });
}

/** A request the provider refuses because of what it says: 400 unless told otherwise. */
export function invalidRequest(message: string, rest: Partial<Omit<OpenAiError, 'message'>> = {}): OpenAiError {
  return { status: 400, type: 'invalid_request_error', param: null, code: null, ...rest, message };
}

/** The error type the OpenAI API uses with a status. */
export function errorTypeOf(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  if (status === 429) return 'rate_limit_error';
  if (status === 503) return 'service_unavailable_error';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}
