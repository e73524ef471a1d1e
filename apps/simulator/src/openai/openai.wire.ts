import type { Wire } from '../wire.js';

/** OpenAI's format, which most providers speak. */
export const openAiWire: Wire = {
  name: 'openai',
  requestIdHeader: 'x-request-id',
  renderError: ({ status, message, param = null, openAi, ...given }) => {
    const type = given.type ?? openAi?.type ?? errorTypeOf(status);
    return JSON.stringify({ error: { message, type, param, code: given.code ?? openAi?.code ?? null } });
  },
  renderErrorEvent: (error, requestId) => `data: ${openAiWire.renderError(error, requestId)}\n\n`,
  keepAlive: ': keep-alive\n\n',
};

/** The error type the OpenAI API uses with a status. */
function errorTypeOf(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  if (status === 429) return 'rate_limit_error';
  if (status === 503) return 'service_unavailable_error';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}
