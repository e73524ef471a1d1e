import type { AppName } from '#libs/processes';
import type { SampleRequest } from '../system/sample-request.js';

interface Whereabouts {
  url: (app: AppName) => string;
  /** Without credentials. */
  redisUrl: string;
  /** Prefix of all keys, when it is not the default. */
  prefix: string | undefined;
  /** Whether the gateway asks callers for a key. */
  wantsKey: boolean;
  /** Whether the preferred provider can be killed. */
  isStaged: boolean;
  request: SampleRequest;
  logFolder: string;
}

/** Where everything is, as lines to copy. */
export function renderAddresses(where: Whereabouts): string[] {
  const { url, redisUrl, prefix, isStaged, request } = where;
  return [
    '',
    `REDIS_URL=${redisUrl}`,
    ...(prefix ? [`UNDERSTUDY_PREFIX=${prefix}`] : []),
    `base URL       ${url('gateway')}/v1   (OpenAI-compatible)`,
    askOnce(where),
    ...(isStaged ? simulatorLines(url('simulator'), request.preferred?.provider) : []),
    `health         ${url('aggregator')}/health   ${url('aggregator')}/status`,
    `metrics        ${url('gateway')}/metrics   (gateway)   ${url('aggregator')}/metrics   (aggregator)`,
    `               ${url('router')}/metrics   (router)    ${url('prober')}/metrics   (prober)`,
    `logs           ${where.logFolder}/`,
    'Ctrl-C stops everything.',
  ];
}

function askOnce({ url, wantsKey, request }: Whereabouts): string {
  const body = JSON.stringify({ model: request.model, messages: [{ role: 'user', content: 'Hello' }] });
  const key = wantsKey ? ` -H 'authorization: Bearer <one of GATEWAY_API_KEYS>'` : '';
  const quoted = body.replaceAll("'", `'\\''`);
  return `curl ${url('gateway')}/v1/chat/completions -H 'content-type: application/json'${key} -d '${quoted}'`;
}

function simulatorLines(simulator: string, provider: string | undefined): string[] {
  if (!provider) return [`simulator      ${simulator}`];
  const command = (action: string) =>
    `curl -X POST ${simulator}/admin/providers/${encodeURIComponent(provider)}/${action}`;
  return [`simulator      ${simulator}   kill ${provider}, and revive it:`, command('kill'), command('revive')];
}
