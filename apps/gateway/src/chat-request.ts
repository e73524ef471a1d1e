import type { IncomingHttpHeaders } from 'node:http';
import type { UnderstudyConfig } from '#libs/config';
import {
  completionJobSchema,
  type Operation,
  OPERATIONS,
  parseOrThrow,
  type Priority,
  type Routing,
  UnderstudyError,
  withoutInput,
} from '#libs/contracts';
import { z } from 'zod';
import { MAX_TIMEOUT_MS, readHeader, refuseUnknownHeaders } from './request-headers.js';

/** How long a caller waits when it does not say. */
const DEFAULT_TIMEOUT_MS = 120_000;

/** Who sets a deadline waits a little longer, so as to hear how the job ended. */
const BEYOND_DEADLINE_MS = 1_000;

/** Names of models, as callers of other gateways are used to write them. */
const models = z.array(z.string().min(1), { error: 'must be a list of model names or target ids' }).nullish();

const operation = z.enum(OPERATIONS, { error: `must be one of: ${OPERATIONS.join(', ')}` }).optional();
const { routing, tenant, priority, deadlineMs, idempotencyKey } = completionJobSchema.shape;

/** What the gateway itself reads of a body; the client checks the rest. */
const bodySchema = z.looseObject({
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  fallbacks: models,
  models,
  understudy: z.strictObject({ operation, routing, tenant, priority, deadlineMs, idempotencyKey }).optional(),
});

/** `live`: as it is made. `whole`: once it is complete. */
export type Delivery = UnderstudyConfig['gateway']['streaming'];

/** What may be said about the job itself. */
interface JobWishes {
  routing?: Routing;
  tenant?: string;
  priority?: Priority;
  deadlineMs?: number;
  idempotencyKey?: string;
}

/** What is asked for over HTTP. */
export interface ChatRequest {
  /** Where the body says so. */
  operation: Operation | undefined;
  /** The OpenAI body, without what is ours; not checked any further. */
  request: Record<string, unknown>;
  wishes: JobWishes;
  timeoutMs: number;
  /** Whether the job goes on when its caller leaves. */
  keep: boolean;
  /** How the answer is to be streamed; absent: not at all. */
  stream?: { delivery: Delivery; includeUsage: boolean };
}

/**
 * Takes apart what is OpenAI's and what is ours: the body's fields `understudy`, `fallbacks` and `models`, and headers, which outdo
 * the fields.
 * @throws UnderstudyError `invalid_request` with the field, or the name of the header
 */
export function readChatRequest(body: unknown, headers: IncomingHttpHeaders, delivery: Delivery): ChatRequest {
  refuseUnknownHeaders(headers);
  // What is to be embedded is looked at by the client.
  const parsed = parseOrThrow(bodySchema, body, 'request', withoutInput(body));
  const { understudy = {}, stream, stream_options: options, ...rest } = parsed;
  const { operation: door, ...said } = understudy;
  const { fallbacks, models: alternatives, ...request } = rest;
  const wishes = withoutUndefined({
    ...said,
    routing: readRouting(said.routing, { fallbacks, models: alternatives }, request['model'], headers),
    tenant: readHeader(headers, 'x-understudy-tenant') ?? said.tenant,
    priority: readHeader(headers, 'x-understudy-priority') ?? said.priority,
    deadlineMs: readHeader(headers, 'x-understudy-deadline-ms') ?? said.deadlineMs,
    idempotencyKey: readHeader(headers, 'idempotency-key') ?? said.idempotencyKey,
  });
  const keep = readHeader(headers, 'x-understudy-keep');
  const wanted = readHeader(headers, 'x-understudy-stream') ?? delivery;
  return {
    operation: door,
    request,
    wishes,
    timeoutMs: readHeader(headers, 'x-understudy-timeout-ms') ?? timeoutFor(wishes.deadlineMs),
    // Who names a piece of work means to come back for it.
    keep: keep === undefined ? wishes.idempotencyKey !== undefined : keep === 'true',
    ...(stream && { stream: { delivery: wanted, includeUsage: options?.include_usage ?? false } }),
  };
}

/**
 * Each operation has a door of its own.
 * @throws UnderstudyError `invalid_request` where the body asks for the other one
 */
export function checkDoor({ operation }: ChatRequest, door: Operation): void {
  if (operation === undefined || operation === door) return;
  throw new UnderstudyError(
    'invalid_request',
    `The request is not valid: understudy.operation: this is the door for ${door}; leave it out, or take the other door`,
    { field: 'understudy.operation' },
  );
}

/**
 * The door of jobs is that of all operations, so that the body has to say when it is not a chat.
 * @throws UnderstudyError `invalid_request` where it looks like embeddings and does not say so
 */
export function checkJobDoor({ operation, request }: ChatRequest): void {
  if (operation !== undefined || request['input'] === undefined || request['messages'] !== undefined) return;
  throw new UnderstudyError(
    'invalid_request',
    'The request is not valid: messages: is missing; for embeddings add "understudy": {"operation": "embeddings"}',
    { field: 'messages' },
  );
}

function readRouting(
  asked: Routing | undefined,
  habits: { fallbacks: string[] | null | undefined; models: string[] | null | undefined },
  model: unknown,
  headers: IncomingHttpHeaders,
): Routing | undefined {
  const preferred = readHeader(headers, 'x-understudy-preferred');
  const fallbacks = readFallbacks(asked, habits, model);
  const wishes = { ...asked, ...(fallbacks && { fallbacks }), ...(preferred && { preferred }) };
  return Object.keys(wishes).length > 0 ? wishes : undefined;
}

/** One list, wherever it is written. In `models` the requested model comes first, or is named a second time. */
function readFallbacks(
  asked: Routing | undefined,
  { fallbacks, models: alternatives }: { fallbacks: string[] | null | undefined; models: string[] | null | undefined },
  model: unknown,
): string[] | undefined {
  const lists = [
    ['understudy.routing.fallbacks', asked?.fallbacks],
    ['fallbacks', fallbacks],
    ['models', alternatives?.filter((name) => name !== model)],
  ] as const;
  const [first, second] = lists.filter(([, list]) => list != null);
  if (second)
    throw new UnderstudyError(
      'invalid_request',
      `The request is not valid: ${second[0]}: fallbacks are named in ${first?.[0]} already; leave one of them out`,
      { field: second[0] },
    );
  return first?.[1] ?? undefined;
}

const timeoutFor = (deadlineMs: number | undefined) =>
  deadlineMs === undefined ? DEFAULT_TIMEOUT_MS : Math.min(deadlineMs + BEYOND_DEADLINE_MS, MAX_TIMEOUT_MS);

/** Without the fields that nobody set. */
function withoutUndefined(fields: { [N in keyof JobWishes]: JobWishes[N] | undefined }): JobWishes {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
