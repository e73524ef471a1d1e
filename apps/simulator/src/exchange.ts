import type { IncomingMessage, ServerResponse } from 'node:http';
import { composeAnswer, type Answer } from './answer.js';
import { invalidRequest, type CompletionRequest } from './completion-request.js';
import type { Endpoint } from './endpoint.js';
import type { FaultedCall } from './faults/fault-responder.js';
import { BodyTooLargeError, COMPLETION_BODY_LIMIT_BYTES, readBody } from './http-exchange.js';
import { drawLatencyMs } from './latency.js';
import type { OpenCall } from './open-call.js';
import type { SimulatedModel } from './provider-registry.js';
import { findRefusal, modelNotFound } from './refusals.js';
import { bodyReply, streamReply, type Reply, type WholeReply } from './reply.js';
import { sendReply, type Timing } from './send-reply.js';
import type { Simulation } from './simulation.js';

/** Answers a request to an endpoint of a provider. A fault answers before anything in the request is checked. */
export async function answerRequest(
  simulation: Simulation,
  endpoint: Endpoint,
  providerName: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const asked = await readRequest(endpoint, request);
  const { model, stream, maxTokens, promptChars } = asked.completion;
  const { wire, operation } = endpoint;
  const call = simulation.calls.open(
    { provider: providerName, model, wire: wire.name, operation, stream, maxTokens, promptChars },
    { headers: request.headers, body: asked.body },
  );
  response.once('close', () => {
    if (!response.writableFinished) call.abort();
  });

  const faulted = describeCall(endpoint, asked.completion, call);
  const decision = simulation.faults.decide({ provider: providerName, model }, faulted);
  if (decision.kind !== undefined) call.record.fault = decision.kind;

  const provider = simulation.providers.find(providerName);
  const served = provider && simulation.providers.findModel(provider, model);
  const timing = (): Timing => (served ? drawTiming(served, decision) : { firstTokenMs: 0, perTokenMs: 0 });
  const send = (reply: Reply): void => {
    const headers = { [wire.requestIdHeader]: faulted.requestId, ...reply.headers };
    sendReply(response, call, { ...reply, headers }, reply.late ? timing() : { firstTokenMs: 0, perTokenMs: 0 });
  };
  if (decision.answer !== undefined) {
    send(decision.answer);
    return;
  }
  const refusal = findRefusal(providerName, provider, served, request, asked.completion);
  if (refusal !== null || served === undefined) send(faulted.renderError(refusal ?? modelNotFound(model)));
  else send(faulted.render(faulted.answer()));
}

async function readRequest(
  endpoint: Endpoint,
  request: IncomingMessage,
): Promise<{ body: Buffer; completion: CompletionRequest }> {
  try {
    const body = await readBody(request, COMPLETION_BODY_LIMIT_BYTES);
    return { body, completion: endpoint.read(body, request.headers) };
  } catch (error) {
    if (!(error instanceof BodyTooLargeError)) throw error;
    const refusal = invalidRequest(error.message, { status: 413, openAi: { code: 'request_too_large' } });
    return { body: Buffer.of(), completion: { ...endpoint.read(Buffer.of(), {}), refusal } };
  }
}

function describeCall(endpoint: Endpoint, request: CompletionRequest, { record }: OpenCall): FaultedCall {
  const { wire } = endpoint;
  const requestId = `req_sim${record.seq.toString(36).padStart(8, '0')}`;
  return {
    nowMs: record.at,
    request,
    wire,
    requestId,
    answer: () => composeAnswer(request, { seq: record.seq, atMs: record.at }),
    render: (answer) => render(endpoint, answer, request),
    renderError: ({ headers, ...error }) => {
      const reply = bodyReply(error.status, 'application/json', wire.renderError(error, requestId), false);
      return { ...reply, headers: { ...reply.headers, ...headers } };
    },
  };
}

function render(endpoint: Endpoint, answer: Answer, request: CompletionRequest): WholeReply {
  if (request.stream) return streamReply(endpoint.renderEvents(answer, request));
  return bodyReply(200, 'application/json', endpoint.renderBody(answer, request), true, answer.tokens.length);
}

function drawTiming(model: SimulatedModel, { factor, addMs }: { factor: number; addMs: number }): Timing {
  return {
    firstTokenMs: drawLatencyMs(model.latency, model.random) * factor + addMs,
    perTokenMs: (model.latency.perTokenMs ?? 0) * factor,
  };
}
