import type { Answer } from './answer.js';
import { renderCompletion } from './answer.js';
import { DONE_EVENT, renderEvent } from './completion-stream.js';
import type { Fault, FaultOf } from './fault.js';
import { errorTypeOf, renderOpenAiError } from './openai-error.js';
import { RequestWindow } from './request-window.js';
import type { Random } from './seeded-random.js';

/** What a fault does to one request. Data only: completions.ts carries it out. */
export type FaultEffect =
  /** The request is answered after all, but later. */
  | { type: 'slow'; factor: number; addMs: number }
  /** A response other than the true one. `late` ones come when the answer would have; errors come at once. */
  | { type: 'response'; status: number; headers: Record<string, string>; body: string; late: boolean }
  | { type: 'reset' }
  | { type: 'hang' };

/** What a fault may know about the request it meets. */
export interface FaultedCall {
  nowMs: number;
  stream: boolean;
  /** Composes what the true answer would have been. */
  answer: () => Answer;
}

/** Decides about one request after the other; undefined lets the request pass. */
export type FaultResponder = (call: FaultedCall) => FaultEffect | undefined;

/** One entry per kind: from the fault as set, and a random source of its own, to its responder. */
const respondersByKind: { [Kind in Fault['kind']]: (fault: FaultOf<Kind>, random: Random) => FaultResponder } = {
  down: (fault) => () => {
    if (fault.mode !== 'status') return { type: fault.mode };
    // The code says "overloaded" and goes with 503 alone: callers trust a code more than a status.
    const code = fault.status === 503 ? { code: 'server_is_overloaded' } : {};
    return errorResponse(fault.status, { ...code, message: 'The server is down (simulated).' });
  },

  slow: (fault) => () => ({ type: 'slow', factor: fault.factor, addMs: fault.addMs }),

  'rate-limit': ({ perMinute, retryAfterSeconds }) => {
    const window = new RequestWindow(perMinute ?? 0, 60_000);
    return ({ nowMs }) => {
      const waitMs = window.admit(nowMs);
      if (waitMs === 0) return undefined;
      const waitSeconds = retryAfterSeconds ?? (perMinute ? waitMs / 1_000 : undefined);
      return errorResponse(429, {
        code: 'rate_limit_exceeded',
        message: 'Rate limit reached (simulated).',
        headers: {
          ...(waitSeconds === undefined ? {} : { 'retry-after': String(Math.ceil(waitSeconds)) }),
          ...(perMinute === undefined
            ? {}
            : { 'x-ratelimit-limit-requests': String(perMinute), 'x-ratelimit-remaining-requests': '0' }),
        },
      });
    };
  },

  flaky: (fault, random) => () => {
    if (random() >= fault.ratio) return undefined;
    return errorResponse(fault.status, { message: 'The server had an error (simulated).' });
  },

  status: (fault) => () => errorResponse(fault.status, { message: `Status ${fault.status} (simulated).`, ...fault }),

  html: () => () => okResponse('text/html; charset=utf-8', '<!doctype html><html><body><h1>Welcome</h1></body></html>'),

  'empty-choices': () => (call) => {
    const { id, created, model } = call.answer();
    if (!call.stream) return jsonResponse({ id, object: 'chat.completion', created, model, choices: [] });
    const chunk = renderEvent({ id, object: 'chat.completion.chunk', created, model, choices: [] });
    return okResponse('text/event-stream', chunk + DONE_EVENT);
  },

  garbage: () => (call) => {
    const body = renderCompletion(call.answer());
    const half = body.slice(0, Math.floor(body.length / 2));
    return call.stream ? okResponse('text/event-stream', `data: ${half}\n\n`) : okResponse('application/json', half);
  },

  'error-in-200': () => (call) => {
    const body = renderOpenAiError({
      message: 'The server had an error (simulated).',
      type: 'server_error',
      param: null,
      code: null,
    });
    return call.stream ? okResponse('text/event-stream', `data: ${body}\n\n`) : okResponse('application/json', body);
  },
};

/** The responder of a fault. A fault that counts or draws keeps that state in its responder. */
export function createResponder<Kind extends Fault['kind']>(fault: FaultOf<Kind>, random: Random): FaultResponder {
  return respondersByKind[fault.kind as Kind](fault, random);
}

interface ErrorText {
  message: string;
  code?: string;
  type?: string;
  headers?: Record<string, string>;
}

function errorResponse(status: number, { message, code, type, headers }: ErrorText): FaultEffect {
  const body = renderOpenAiError({ message, type: type ?? errorTypeOf(status), param: null, code: code ?? null });
  return { type: 'response', status, headers: { 'content-type': 'application/json', ...headers }, body, late: false };
}

function okResponse(contentType: string, body: string): FaultEffect {
  return { type: 'response', status: 200, headers: { 'content-type': contentType }, body, late: true };
}

function jsonResponse(body: object): FaultEffect {
  return okResponse('application/json', JSON.stringify(body));
}
