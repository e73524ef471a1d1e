import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FaultDecision } from './active-faults.js';
import { composeAnswer, renderCompletion, type Answer } from './answer.js';
import { readCompletionRequest, type CompletionRequest } from './completion-request.js';
import { renderStream } from './completion-stream.js';
import {
  afterDelay,
  BodyTooLargeError,
  COMPLETION_BODY_LIMIT_BYTES,
  readBody,
  sendJson,
  sendText,
} from './http-exchange.js';
import { drawLatencyMs } from './latency.js';
import type { OpenCall } from './open-call.js';
import { invalidRequest, renderOpenAiError, type OpenAiError } from './openai-error.js';
import type { SimulatedModel } from './provider-registry.js';
import { findRefusal, modelNotFound } from './refusals.js';
import { sendStream } from './send-stream.js';
import type { Simulation } from './simulation.js';

/** Answers `POST /<provider>/v1/chat/completions`. A fault answers before anything in the request is checked. */
export async function answerCompletion(
  simulation: Simulation,
  providerName: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await readBody(request, COMPLETION_BODY_LIMIT_BYTES).catch((error: unknown) => {
    if (error instanceof BodyTooLargeError) return error;
    throw error;
  });
  const completion = readCompletionRequest(body instanceof Error ? Buffer.of() : body);
  if (body instanceof Error) {
    completion.refusal = invalidRequest(body.message, { status: 413, code: 'request_too_large' });
  }

  const { model, stream, maxTokens, promptChars } = completion;
  const call = simulation.calls.open({ provider: providerName, model, stream, maxTokens, promptChars });
  response.once('close', () => {
    if (!response.writableFinished && call.record.status !== 'reset') call.abort();
  });

  const answer = (): Answer => composeAnswer(completion, { seq: call.record.seq, atMs: call.record.at });
  const faulted = { nowMs: call.record.at, stream, answer };
  const decision = simulation.faults.decide({ provider: providerName, model }, faulted);
  if (decision.kind !== undefined) call.record.fault = decision.kind;

  const provider = simulation.providers.find(providerName);
  const served = provider && simulation.providers.findModel(provider, model);
  if (decision.answer !== undefined) {
    sendFault(response, call, decision.answer, () => (served ? drawTiming(served, decision).firstTokenMs : 0));
    return;
  }
  const refusal = findRefusal(providerName, provider, served, request, completion);
  if (refusal !== null || served === undefined) {
    sendRefusal(response, call, refusal ?? modelNotFound(model));
    return;
  }
  sendAnswer(response, call, completion, answer(), drawTiming(served, decision));
}

interface Timing {
  firstTokenMs: number;
  perTokenMs: number;
}

function drawTiming(model: SimulatedModel, { factor, addMs }: FaultDecision): Timing {
  return {
    firstTokenMs: drawLatencyMs(model.latency, model.random) * factor + addMs,
    perTokenMs: (model.latency.perTokenMs ?? 0) * factor,
  };
}

function sendFault(
  response: ServerResponse,
  call: OpenCall,
  effect: NonNullable<FaultDecision['answer']>,
  drawAnswerAfterMs: () => number,
): void {
  switch (effect.type) {
    case 'hang':
      call.hang();
      return;
    case 'reset':
      call.end('reset');
      // resetAndDestroy sends RST: the caller sees ECONNRESET and not a polite end.
      response.socket?.resetAndDestroy();
      return;
    case 'response':
      afterDelay(response, effect.late ? drawAnswerAfterMs() : 0, () => {
        sendText(response, effect.status, effect.headers, effect.body);
        call.end(effect.status);
      });
  }
}

function sendRefusal(response: ServerResponse, call: OpenCall, refusal: OpenAiError): void {
  sendJson(response, refusal.status, renderOpenAiError(refusal));
  call.end(refusal.status);
}

function sendAnswer(
  response: ServerResponse,
  call: OpenCall,
  completion: CompletionRequest,
  answer: Answer,
  { firstTokenMs, perTokenMs }: Timing,
): void {
  if (completion.stream) {
    const events = renderStream(answer, completion.includeUsage);
    afterDelay(response, firstTokenMs, () => sendStream(response, events, perTokenMs, () => call.end(200)));
    return;
  }
  afterDelay(response, firstTokenMs + perTokenMs * answer.tokens.length, () => {
    sendJson(response, 200, renderCompletion(answer));
    call.end(200);
  });
}
