import { type Attributes, type Span, SpanKind, SpanStatusCode, type Tracer } from '@opentelemetry/api';
import { ATTR, type ChatCompletion, isEmbeddings, type Operation } from '#libs/contracts';
import type { CallOutcome, FailedCall } from './provider-adapter.js';
import { summaryOf } from './summary-of.js';

/** What is known of a call before it is made. */
export interface CallSpanOptions {
  /** Name of the provider in the configuration. */
  provider: string;
  /** Default: `chat`. */
  operation?: Operation | undefined;
  /** Provider's name for the model. */
  model: string;
  baseUrl: string;
  /** More attributes: number and kind of the attempt, whose traffic it is. */
  attributes?: Attributes;
  /** For a failed call: what happens next, told on the span. */
  nextAction?: (outcome: FailedCall) => string;
}

/** Names that OpenTelemetry prescribes where ours differ. */
const STANDARD_PROVIDER_NAME: Readonly<Record<string, string>> = {
  google: 'gcp.gemini',
  gemini: 'gcp.gemini',
  vertex: 'gcp.vertex_ai',
  azure: 'azure.ai.openai',
  bedrock: 'aws.bedrock',
  mistral: 'mistral_ai',
  xai: 'x_ai',
};

/**
 * Makes one call inside its CLIENT span, `chat <model>` or `embeddings <model>`: ERROR for a failed one, unset for a good one.
 * @returns the outcome, and the span's W3C traceparent
 */
export async function callWithSpan(
  tracer: Tracer,
  options: CallSpanOptions,
  call: () => Promise<CallOutcome>,
): Promise<{ outcome: CallOutcome; traceparent: string }> {
  const { operation = 'chat' } = options;
  const span = tracer.startSpan(`${operation} ${options.model}`, {
    kind: SpanKind.CLIENT,
    attributes: {
      [ATTR.genAiOperation]: operation,
      [ATTR.genAiProvider]: STANDARD_PROVIDER_NAME[options.provider] ?? options.provider,
      [ATTR.genAiRequestModel]: options.model,
      [ATTR.httpMethod]: 'POST',
      ...serverAttributes(options.baseUrl),
      ...options.attributes,
    },
  });
  try {
    const outcome = await call();
    if (outcome.ok) recordAnswer(span, outcome);
    else recordFailure(span, outcome, options.nextAction?.(outcome));
    return { outcome, traceparent: traceparentOf(span) };
  } finally {
    span.end();
  }
}

function serverAttributes(baseUrl: string): Attributes {
  const { hostname, port, protocol } = new URL(baseUrl);
  return { [ATTR.serverAddress]: hostname, [ATTR.serverPort]: port ? Number(port) : protocol === 'https:' ? 443 : 80 };
}

function recordAnswer(
  span: Span,
  { answer, httpStatus, servedModel, usage, firstTokenMs }: Extract<CallOutcome, { ok: true }>,
): void {
  if (!span.isRecording()) return;
  span.setAttributes({
    [ATTR.httpStatus]: httpStatus,
    ...(!isEmbeddings(answer) && completionAttributes(answer)),
    ...(servedModel && { [ATTR.genAiResponseModel]: servedModel }),
    ...(usage && { [ATTR.genAiInputTokens]: usage.inputTokens, [ATTR.genAiOutputTokens]: usage.outputTokens }),
    ...(usage?.cachedInputTokens !== undefined && { [ATTR.genAiCachedInputTokens]: usage.cachedInputTokens }),
    ...firstToken(firstTokenMs),
  });
}

const completionAttributes = ({ id, choices }: ChatCompletion): Attributes => ({
  [ATTR.genAiFinishReasons]: choices.map((choice) => choice.finish_reason ?? 'unknown'),
  ...(id && { [ATTR.genAiResponseId]: id }),
});

/** OpenTelemetry counts it in seconds. */
const firstToken = (firstTokenMs: number | undefined): Attributes =>
  firstTokenMs === undefined ? {} : { [ATTR.genAiFirstTokenSeconds]: firstTokenMs / 1000 };

/** Why a call failed, whatever was asked. */
export function markFailed(span: Span, outcome: FailedCall): void {
  const { failure, httpStatus } = outcome;
  span.setAttributes({
    [ATTR.failureClass]: failure,
    [ATTR.errorType]: httpStatus !== undefined && httpStatus >= 400 ? String(httpStatus) : failure,
    ...(httpStatus !== undefined && { [ATTR.httpStatus]: httpStatus }),
  });
  span.setStatus({ code: SpanStatusCode.ERROR, message: summaryOf(outcome) });
}

function recordFailure(span: Span, outcome: FailedCall, nextAction: string | undefined): void {
  const { deadline, discardedChars, firstTokenMs } = outcome;
  markFailed(span, outcome);
  span.setAttributes({
    ...(deadline && { [ATTR.attemptDeadline]: deadline }),
    ...(discardedChars !== undefined && { [ATTR.attemptDiscardedChars]: discardedChars }),
    ...firstToken(firstTokenMs),
    ...(nextAction && { [ATTR.attemptNextAction]: nextAction }),
  });
}

function traceparentOf(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}
