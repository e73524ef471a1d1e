import type { IncomingMessage } from 'node:http';
import type { CompletionRequest } from './completion-request.js';
import { invalidRequest, type OpenAiError } from './openai-error.js';
import type { SimulatedModel, SimulatedProvider } from './provider-registry.js';

/** Why a provider refuses a completion request, or null: unknown provider, wrong key, malformed request, unknown model. */
export function findRefusal(
  providerName: string,
  provider: SimulatedProvider | undefined,
  served: SimulatedModel | undefined,
  request: IncomingMessage,
  completion: CompletionRequest,
): OpenAiError | null {
  if (provider === undefined) return providerNotFound(providerName);
  const keyProblem = findKeyProblem(provider, request);
  if (keyProblem !== null) return keyProblem;
  if (completion.refusal !== null) return completion.refusal;
  return served === undefined ? modelNotFound(completion.model) : null;
}

/** What is wrong with the bearer key of a request to a provider, or null. */
export function findKeyProblem(provider: SimulatedProvider, request: IncomingMessage): OpenAiError | null {
  if (provider.apiKey === undefined || request.headers.authorization === `Bearer ${provider.apiKey}`) return null;
  // The key that was sent is not repeated in the message: messages end up in logs.
  return invalidRequest('Incorrect API key provided.', { status: 401, code: 'invalid_api_key' });
}

/** The error for a provider that is not there. */
export function providerNotFound(name: string): OpenAiError {
  const message = `There is no provider '${name}'. PUT /admin/providers/<name> creates one.`;
  return invalidRequest(message, { status: 404, code: 'provider_not_found' });
}

/** The error for a model that a provider does not serve. */
export function modelNotFound(model: string): OpenAiError {
  const message = `The model '${model}' does not exist or you do not have access to it.`;
  return invalidRequest(message, { status: 404, code: 'model_not_found', param: 'model' });
}
