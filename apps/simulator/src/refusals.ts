import type { IncomingMessage } from 'node:http';
import type { CompletionRequest } from './completion-request.js';
import type { SimulatedModel, SimulatedProvider } from './provider-registry.js';
import type { WireError } from './wire.js';

/** Why a provider refuses a request, or null: unknown provider, wrong key, malformed request, unknown model. */
export function findRefusal(
  providerName: string,
  provider: SimulatedProvider | undefined,
  served: SimulatedModel | undefined,
  request: IncomingMessage,
  completion: CompletionRequest,
): WireError | null {
  if (provider === undefined) return providerNotFound(providerName);
  const keyProblem = findKeyProblem(provider, request);
  if (keyProblem !== null) return keyProblem;
  if (completion.refusal !== null) return completion.refusal;
  return served === undefined ? modelNotFound(completion.model) : null;
}

/** What is wrong with the key of a request to a provider, or null. It comes as a bearer token or as `x-api-key`. */
export function findKeyProblem({ apiKey }: SimulatedProvider, { headers }: IncomingMessage): WireError | null {
  if (apiKey === undefined || headers.authorization === `Bearer ${apiKey}` || headers['x-api-key'] === apiKey) {
    return null;
  }
  // The key that was sent is not repeated in the message: messages end up in logs.
  return {
    status: 401,
    message: 'Incorrect API key provided.',
    openAi: { type: 'invalid_request_error', code: 'invalid_api_key' },
  };
}

/** The error for a provider that is not there. */
export function providerNotFound(name: string): WireError {
  const message = `There is no provider '${name}'. PUT /admin/providers/<name> creates one.`;
  return { status: 404, message, openAi: { code: 'provider_not_found' } };
}

/** The error for a model that a provider does not serve. */
export function modelNotFound(model: string): WireError {
  const message = `The model '${model}' does not exist or you do not have access to it.`;
  return { status: 404, message, openAi: { code: 'model_not_found' }, param: 'model' };
}
