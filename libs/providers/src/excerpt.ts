const MAX_LENGTH = 300;

/** Of an error's text no more is looked at; what follows is not told either. In characters. */
const LONGEST_SEARCH = 16_384;

/** Things that look like credentials: bearer tokens, `sk-…` keys, long runs in `key=` or `token=` parameters. */
const SECRETS = [
  /\b(bearer|basic)\s+[\w.~+/=-]+/gi,
  /\b(sk|pk|rk|key|xai|gsk|AIza)[-_][\w-]{8,}/g,
  /\bAIza[\w-]{20,}/g,
  /((?:api[-_]?)?(?:key|token|secret|password)["']?\s*[=:]\s*["']?)[^\s"',&]{6,}/gi,
];

/**
 * What a provider said, fit to be stored and logged: on one line, at most 300 characters, without what looks like a secret.
 * Providers do repeat the key that they reject ("Incorrect API key provided: sk-…").
 * @param secrets values that must not appear whatever they look like
 */
export function excerpt(text: string, secrets: readonly string[] = []): string {
  // Long bodies are cut before the search: the expressions then run over a bounded text.
  let out = text.slice(0, LONGEST_SEARCH).replace(/\s+/g, ' ').trim();
  for (const secret of secrets) if (secret.length >= 4) out = out.replace(spaced(secret), '[redacted]');
  out = out.slice(0, MAX_LENGTH * 4);
  for (const pattern of SECRETS)
    out = out.replace(pattern, (_match, first: unknown) =>
      typeof first === 'string' && /[=:]/.test(first) ? `${first}[redacted]` : '[redacted]',
    );
  return out.length > MAX_LENGTH ? `${out.slice(0, MAX_LENGTH - 1)}…` : out;
}

/** A secret also when a page breaks it over lines. */
const spaced = (secret: string) =>
  new RegExp(
    secret
      .split('')
      .map((char) => char.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&').replace(/\s/, '\\s'))
      .join('\\s?'),
    'g',
  );

/** What must not appear of a provider's credentials: the key, and each header's value, whole and without its scheme. */
export function secretsOf({
  apiKey,
  headers,
}: {
  apiKey?: string | undefined;
  headers: Readonly<Record<string, string>>;
}): string[] {
  const values = Object.values(headers);
  const words = values.flatMap((value) => value.split(/\s+/)).filter((word) => word.length >= 8);
  return [...(apiKey ? [apiKey] : []), ...values, ...words];
}
