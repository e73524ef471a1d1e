import type { Wire } from '../wire.js';

/** Anthropic's format. */
export const anthropicWire: Wire = {
  name: 'anthropic',
  requestIdHeader: 'request-id',
  renderError: ({ status, message, type = errorTypeOf(status), code }, requestId) => {
    const details = code === undefined ? {} : { details: { error_code: code } };
    return JSON.stringify({ type: 'error', error: { type, message, ...details }, request_id: requestId });
  },
  renderErrorEvent: (error, requestId) => `event: error\ndata: ${anthropicWire.renderError(error, requestId)}\n\n`,
  keepAlive: 'event: ping\ndata: {"type":"ping"}\n\n',
};

const ERROR_TYPES: Record<number, string> = {
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  409: 'conflict_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

/** The error type the Anthropic API uses with a status. */
function errorTypeOf(status: number): string {
  return ERROR_TYPES[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error');
}
