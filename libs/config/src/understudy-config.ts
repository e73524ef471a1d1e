import type { HealthPolicy } from '#libs/health-core';
import { z } from 'zod';
import { alertRulesSchema, alertsSchema } from './alerts-config.js';
import { healthSchema } from './health-policy.js';
import { modeOfTarget, modesSchema } from './modes-config.js';
import { milliseconds, millisecondsOrOff, numberBetween, wholeNumber } from './scalars.js';
import { operationOfTarget, vectorsOfTarget } from './target-operation.js';

/** Names that appear in target ids, keys, metrics and URLs. */
const identifier = z.string().regex(/^[a-z0-9][a-z0-9_-]*$/i, 'use letters, digits, - and _ only');

const baseUrl = z.string().superRefine((text, context) => {
  const problem = baseUrlProblem(text);
  if (problem) context.addIssue({ code: 'custom', message: problem });
});

function baseUrlProblem(text: string): string | undefined {
  if (!URL.canParse(text)) return 'is not a URL; write for example https://api.openai.com/v1';
  const url = new URL(text);
  if (!['http:', 'https:'].includes(url.protocol)) return 'must begin with http:// or https://';
  if (url.username || url.password) return 'holds credentials; move them to apiKey: ${NAME_OF_A_VARIABLE}';
  if (url.hash) return 'must not have a fragment (#…)';
  const secret = [...url.searchParams.keys()].find((name) => secretParameters.has(name.toLowerCase()));
  if (secret) return `holds a credential, ${secret}; move it to apiKey or headers, as \${NAME_OF_A_VARIABLE}`;
  const [operation] =
    /\/(chat\/completions|completions|messages|responses|embeddings|models)\/*$/.exec(url.pathname) ?? [];
  if (operation) return `must end before ${operation}, which is added to each call`;
  return undefined;
}

/** Of its path; a query may end with one that means something. */
const withoutLastSlash = (url: string) => url.replace(/^([^?]*?)\/+(?=\?|$)/, '$1');

/** An address stands in files and in the messages of errors; these never do. */
const secretParameters = new Set([
  'access_token',
  'api-key',
  'api_key',
  'apikey',
  'auth',
  'key',
  'password',
  'secret',
  'sig',
  'subscription-key',
  'token',
]);

/** HTTP refuses anything else, call by call, long after the start. */
const headerValue = z
  .string()
  .min(1, { error: 'is empty: set its variable, or leave it out', abort: true })
  .regex(/^[\x20-\x7e]+$/, 'holds characters that cannot stand in a header; is there a line break at its end?');

/** They belong to the connection or to the body of one call; a fixed value breaks every call. */
const ownHeaders = new Set([
  'connection',
  'content-length',
  'content-type',
  'expect',
  'keep-alive',
  'te',
  'transfer-encoding',
  'upgrade',
]);

const headerName = z
  .string()
  .regex(/^[\w!#$%&'*+.^`|~-]+$/, 'is not the name of a header')
  .refine((name) => !ownHeaders.has(name.toLowerCase()), 'is set with each call; remove it');

const providerSchema = z.strictObject({
  /** Wire format. */
  kind: z.enum(['openai-compatible', 'anthropic'], {
    error: 'must be openai-compatible (OpenAI, Azure, Gemini, DeepSeek, vLLM, Ollama, relays) or anthropic',
  }),
  /** Where `/chat/completions` lies; for `anthropic`, where `/messages` lies. Its query (`?api-version=…`) goes with every call. */
  baseUrl: baseUrl.transform(withoutLastSlash),
  /** Sent as a bearer token. Write `${NAME}`: a key never stands in the file itself. */
  apiKey: headerValue.optional(),
  /** Extra headers, sent with every call. */
  headers: z.record(headerName, headerValue).default({}),
  /** Name under which this provider takes the token limit; callers may use either. Default: as the caller wrote it. */
  maxTokensField: z.enum(['max_tokens', 'max_completion_tokens']).optional(),
  /** How many connections one router holds to this provider at most. */
  maxConnections: wholeNumber(1, 10_000).default(256),
  /** How many pings may be under way to this provider at once, in one prober. */
  probeConcurrency: wholeNumber(1, 100).default(4),
});

/** US dollars per million tokens. */
const dollars = numberBetween(0, 100_000);

/** What a target costs. Without it the price library is asked. */
const priceSchema = z.strictObject({
  inputPerMillion: dollars,
  outputPerMillion: dollars,
  /** Of tokens that the provider read from its cache; default: as other input. */
  cachedInputPerMillion: dollars.optional(),
});

/** At least one of them. */
const limitsSchema = z
  .strictObject({
    /** Calls that begin within any 60 seconds. */
    requestsPerMinute: wholeNumber(1, 10_000_000).optional(),
    /** Tokens, read and generated, of calls that begin within any 60 seconds. */
    tokensPerMinute: wholeNumber(1, 10_000_000_000).optional(),
    /** Calls under way at once. */
    maxInFlight: wholeNumber(1, 1_000_000).optional(),
  })
  .refine((limits) => Object.values(limits).some((limit) => limit !== undefined), {
    error: 'sets no limit; set requestsPerMinute, tokensPerMinute or maxInFlight, or leave it out',
  });

/** Without these there is no request, and which model it goes to and how it is read is not the body's business. */
const changeable = z
  .string()
  .min(1)
  .refine(
    (name) => !['model', 'messages', 'input', 'stream'].includes(name),
    'model, messages, input and stream cannot be changed',
  );

/** What has to be changed in a caller's body for one target; top-level fields only. */
const changesSchema = z.strictObject({
  /** New name by old name. */
  rename: z.record(changeable, changeable).default({}),
  drop: z.array(changeable).default([]),
  set: z.record(changeable, z.json()).default({}),
});

const targetSchema = z.strictObject({
  /** Default `<provider>/<model>`. */
  id: z
    .string()
    .regex(/^[^\s:]+$/, 'must not hold spaces or colons')
    .optional(),
  provider: identifier,
  /** Provider's name for the model. */
  model: z.string().min(1),
  /** `embeddings`: it turns texts into vectors. A target does one of the two. */
  operation: operationOfTarget,
  /** Of a target with `operation: embeddings`. */
  embeddings: vectorsOfTarget,
  /** Names that callers use for it; default is the model's own name. */
  serves: z.array(z.string().min(1)).min(1).optional(),
  /** Share of traffic relative to the others while all are healthy. 0: only when nothing else is left. */
  weight: numberBetween(0, 1000).default(1),
  /** 0 is normal. A higher tier is a reserve: it gets traffic as the tiers before it lose health. */
  tier: wholeNumber(0, 9).default(0),
  /** End of one call, whatever it is doing. */
  timeoutMs: milliseconds().default(30_000),
  /** Until a connection stands. */
  connectTimeoutMs: milliseconds().default(5_000),
  /** Until the answer says something. Default: 10 s, longer for long prompts and for `reasoning`, and never longer than the target needs by its own usual time. */
  firstTokenTimeoutMs: milliseconds().optional(),
  /** Between two things that the answer says. */
  idleTimeoutMs: milliseconds().default(30_000),
  /** An answer that comes more slowly than this is given up, so that another target can be asked. Default: no limit. */
  minTokensPerSecond: numberBetween(0.01, 10_000).optional(),
  /** Whether the provider is asked for streams. Without them a silent provider is noticed only after `timeoutMs`. */
  streaming: z.boolean().default(true),
  /** The model thinks before it speaks: its first token may take longer. */
  reasoning: z.boolean().default(false),
  /** How much it is to think about a ping. Default: `probes.reasoningEffort` with `reasoning`, else not said. */
  probeReasoningEffort: z.string().min(1).optional(),
  price: priceSchema.optional(),
  /** What the provider allows, or what it is to get at most; the whole fleet together keeps to it. */
  limits: limitsSchema.optional(),
  /** What has to be changed in requests for this target. */
  request: changesSchema.optional(),
  /** An answer slower than this is a warning. */
  maxLatencyMs: milliseconds().default(10_000),
  /** Usual time of a whole answer, until the target has shown its own; default: the policy's. */
  expectedLatencyMs: milliseconds().optional(),
  /** The same of a ping. */
  expectedProbeMs: milliseconds().optional(),
  /** Targets to try, in this order, when this one was preferred and no healthy one is left. */
  fallbacks: z.array(z.string().min(1)).default([]),
  /** Targets with a larger context window, asked in this order when a request is too long for this one. */
  contextFallbacks: z.array(z.string().min(1)).default([]),
  /** Targets to ask, in this order, when this one refuses to answer or its filter objects. */
  refusalFallbacks: z.array(z.string().min(1)).default([]),
  /** `relay` or `direct`, or whatever `modes` calls them; without it the target belongs to both. */
  mode: modeOfTarget,
});

/** What may be asked for, beside the models that targets serve by themselves. */
const routeSchema = z.strictObject({
  /** Target ids among which weight and health decide. */
  targets: z.array(z.string().min(1)).min(1),
  /** Tried after the targets, in this order. */
  fallbacks: z.array(z.string().min(1)).default([]),
  /** `any`: every healthy target may stand in. `fallbacks`: only the chain may. */
  standIns: z.enum(['any', 'fallbacks']).default('any'),
});

/** The file, before references between its parts are checked. */
export const understudyFileSchema = z.strictObject({
  providers: z.record(identifier, providerSchema),
  targets: z.array(targetSchema).min(1),
  routes: z.record(z.string().min(1), routeSchema).default({}),
  /** Other names for models and routes: `gpt-4-turbo: gpt-4`. */
  aliases: z.record(z.string().min(1), z.string().min(1)).default({}),
  health: healthSchema,
  probes: z
    .strictObject({
      intervalMs: milliseconds(100).default(30_000),
      /** Each ping is moved by up to this share of the interval, so that pings do not march in step. */
      jitter: numberBetween(0, 0.9).default(0.1),
      /** Tokens that a ping may generate; fewer than 16 makes reasoning models look sick. */
      maxTokens: wholeNumber(1, 1000).default(16),
      /** How much a model that thinks is to think about a ping: the thoughts are paid for. Providers know different words. */
      reasoningEffort: z.string().min(1).default('low'),
      /** Whether pings are left out while real traffic shows that a target is well; each fourth is made all the same. */
      spareWithTraffic: z.boolean().default(true),
      /** How often each provider is asked which models it has, and which of them it will shut down. `off`: never. */
      modelsIntervalMs: millisecondsOrOff(1_000, 7 * 86_400_000).default(86_400_000),
    })
    .prefault({}),
  jobs: z
    .strictObject({
      /** How long an answer is still of use when the job does not say. */
      deadlineMs: milliseconds(1, 30 * 86_400_000).default(86_400_000),
      /** Largest request that is accepted, in bytes of its JSON. */
      maxRequestBytes: wholeNumber(1024, 256 * 1024 * 1024).default(4 * 1024 * 1024),
      /** Calls for one job before it waits for better times. */
      maxAttemptsPerPass: wholeNumber(1, 100).default(8),
      /** Calls for one job in its whole life; then it fails, whatever its deadline. Waiting costs none. */
      maxAttempts: wholeNumber(1, 100_000).default(1_000),
      /** Faults of a request that are tried elsewhere all the same, for targets that accept different things. */
      failoverOn: z.array(z.enum(['bad_request', 'too_large'])).default([]),
      /** How long a result can be fetched. */
      resultTtlMs: milliseconds(1000, 30 * 86_400_000).default(86_400_000),
      /** When a router is killed, its jobs are taken over after this at the latest. A router that is blocked for half of it loses its jobs in the same way. */
      takeoverMs: milliseconds(2_000, 600_000).default(13_000),
      /** Jobs that may wait at once; more are refused when they are handed in. */
      maxWaiting: wholeNumber(1, 100_000_000).default(1_000_000),
      /** A job that has waited for this long goes ahead of more urgent ones, so that it is worked on under any load. */
      agingMs: milliseconds(100).default(60_000),
      /** Failed jobs that are kept, to be looked at and replayed. */
      maxFailed: wholeNumber(0, 10_000_000).default(10_000),
      /** How long they are kept. */
      failedTtlMs: milliseconds(1_000, 365 * 86_400_000).default(7 * 86_400_000),
    })
    .prefault({}),
  gateway: z
    .strictObject({
      /** `live`: tokens as they come. `whole`: the whole answer first, then its stream, so that a broken one is never seen. */
      streaming: z.enum(['live', 'whole']).default('live'),
      /** How often a comment keeps a waiting stream alive. */
      keepAliveMs: milliseconds(100, 600_000).default(10_000),
      /** A caller that takes nothing of what is there for it for this long is hung up on: its answer lies in our memory. */
      stalledAfterMs: milliseconds(100, 3_600_000).default(60_000),
    })
    .prefault({}),
  /** Without it there are no modes. */
  modes: modesSchema.optional(),
  alerts: alertsSchema,
  alertRules: alertRulesSchema,
});

export type UnderstudyFile = z.infer<typeof understudyFileSchema>;
export type ProviderConfig = UnderstudyFile['providers'][string];

/** A target with its id and names filled in. */
export type TargetConfig = Omit<UnderstudyFile['targets'][number], 'id' | 'serves'> & { id: string; serves: string[] };

/** What a requested model name leads to. */
export interface RouteConfig {
  /** The name that callers use. */
  model: string;
  /** What all of its targets do. */
  operation: TargetConfig['operation'];
  /** Target ids. One is preferred; among several, weight and health decide. */
  targets: string[];
  fallbacks: string[];
  standIns: 'any' | 'fallbacks';
}

/** The checked configuration: every reference leads somewhere, every default is filled in. */
export interface UnderstudyConfig extends Omit<UnderstudyFile, 'targets' | 'routes' | 'aliases' | 'health'> {
  targets: TargetConfig[];
  /** `policy` is complete: defaults, what the file sets, and the scoring profile. */
  health: { scoring: HealthPolicy['scoring']; policy: HealthPolicy };
  /** Every name that can be asked for, aliases and `auto` included. */
  routes: ReadonlyMap<string, RouteConfig>;
}

/** Asks for the best of all targets that answer conversations. */
export const AUTO_MODEL = 'auto';
