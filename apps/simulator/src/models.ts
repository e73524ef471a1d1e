import type { IncomingMessage, ServerResponse } from 'node:http';
import { sendJson } from './http-exchange.js';
import { renderOpenAiError, type OpenAiError } from './openai-error.js';
import { findKeyProblem, providerNotFound } from './refusals.js';
import type { Simulation } from './simulation.js';

/** Answers `GET /<provider>/v1/models`. Of all faults only a whole provider's `down` reaches this list. */
export function answerModels(
  simulation: Simulation,
  name: string,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const down = simulation.faults.findDown(name, Date.now());
  if (down?.mode === 'hang') return;
  if (down?.mode === 'reset') {
    response.socket?.resetAndDestroy();
    return;
  }
  if (down !== undefined) {
    const message = 'The server is down (simulated).';
    refuse(response, { status: down.status, message, type: 'service_unavailable_error', param: null, code: null });
    return;
  }
  const provider = simulation.providers.find(name);
  const refusal = provider === undefined ? providerNotFound(name) : findKeyProblem(provider, request);
  if (provider === undefined || refusal !== null) {
    refuse(response, refusal ?? providerNotFound(name));
    return;
  }
  const data = [...provider.models.keys()].map((id) => ({ id, object: 'model', created: 0, owned_by: name }));
  sendJson(response, 200, JSON.stringify({ object: 'list', data }));
}

function refuse(response: ServerResponse, refusal: OpenAiError): void {
  sendJson(response, refusal.status, renderOpenAiError(refusal));
}
