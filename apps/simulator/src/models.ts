import type { IncomingMessage, ServerResponse } from 'node:http';
import { anthropicWire } from './anthropic/anthropic.wire.js';
import { openAiWire } from './openai/openai.wire.js';
import { findKeyProblem, providerNotFound } from './refusals.js';
import { bodyReply, SILENCE, type Reply } from './reply.js';
import type { SimulatedProvider } from './provider-registry.js';
import { sendReply } from './send-reply.js';
import type { Simulation } from './simulation.js';
import type { Wire } from './wire.js';

/** When every simulated model was made: lists say so, and it must not change from call to call. */
const CREATED_AT = '2025-01-01T00:00:00Z';

/**
 * Answers `GET /<provider>/v1/models`, in Anthropic's shape if the request has its version header. Of all faults only a
 * whole provider's `down` reaches this list.
 */
export function answerModels(
  simulation: Simulation,
  name: string,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const wire: Wire = request.headers['anthropic-version'] === undefined ? openAiWire : anthropicWire;
  const fixed = { model: '', operation: 'models', stream: false, maxTokens: null, promptChars: 0 } as const;
  const call = simulation.calls.open(
    { provider: name, wire: wire.name, ...fixed },
    { headers: request.headers, body: Buffer.of() },
  );
  response.once('close', () => {
    if (!response.writableFinished) call.abort();
  });
  const requestId = `req_sim${call.record.seq.toString(36).padStart(8, '0')}`;
  const down = simulation.faults.findDown(name, Date.now());
  if (down !== undefined) call.record.fault = down.kind;
  const reply = ((): Reply => {
    const refuse = (refusal: Parameters<Wire['renderError']>[0]): Reply =>
      bodyReply(refusal.status, 'application/json', wire.renderError(refusal, requestId), false);
    if (down?.mode === 'hang') return SILENCE;
    if (down?.mode === 'reset') return { ...SILENCE, ending: 'reset' };
    if (down !== undefined) return refuse({ status: down.status, message: 'The server is down (simulated).' });
    const provider = simulation.providers.find(name);
    if (provider === undefined) return refuse(providerNotFound(name));
    const keyProblem = findKeyProblem(provider, request);
    if (keyProblem !== null) return refuse(keyProblem);
    return bodyReply(200, 'application/json', renderModels(wire, provider), false);
  })();
  sendReply(response, call, reply, { firstTokenMs: 0, perTokenMs: 0 });
}

function renderModels(wire: Wire, { name, models }: SimulatedProvider): string {
  const listed = [...models].filter(([, model]) => model.listed);
  if (wire.name === 'openai') {
    const created = Date.parse(CREATED_AT) / 1000;
    const data = listed.map(([id, { shutdownDate }]) => {
      const ending = shutdownDate === undefined ? {} : { shutdown_date: shutdownDate };
      return { id, object: 'model', created, owned_by: name, ...ending };
    });
    return JSON.stringify({ object: 'list', data });
  }
  const ids = listed.map(([id]) => id);
  const data = ids.map((id) => ({ type: 'model', id, display_name: id, created_at: CREATED_AT }));
  return JSON.stringify({ data, has_more: false, first_id: ids[0] ?? null, last_id: ids.at(-1) ?? null });
}
