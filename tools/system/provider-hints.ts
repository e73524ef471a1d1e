import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** What the file says about a provider, before variables are replaced. */
interface WrittenProvider {
  baseUrl?: unknown;
  apiKey?: unknown;
}

const UNREACHABLE = new Set(['connection', 'dns_tls']);

/** Says once per provider what to check when a real one cannot be reached or refuses its key. */
export class ProviderHints {
  private readonly providers: Readonly<Record<string, WrittenProvider>>;
  private readonly given = new Set<string>();

  /** @param file configuration that has been found right already */
  constructor(private readonly file: string) {
    const text = readFileSync(file, 'utf8');
    this.providers = (parse(text) as { providers?: Record<string, WrittenProvider> } | null)?.providers ?? {};
  }

  /**
   * @param target `<provider>/<model>`
   * @param failure class of the failure, such as `auth`
   * @returns undefined when there is nothing to check, or it has been said before
   */
  hintFor(target: string, failure: string): string | undefined {
    const provider = target.slice(0, target.indexOf('/'));
    const written = Object.hasOwn(this.providers, provider) ? this.providers[provider] : undefined;
    // A simulated provider fails because somebody told it to.
    if (!written || String(written.baseUrl).includes('${SIMULATOR_URL')) return undefined;
    const hint = this.hint(provider, written, failure);
    if (hint === undefined || this.given.has(hint)) return undefined;
    this.given.add(hint);
    return hint;
  }

  private hint(provider: string, { baseUrl, apiKey }: WrittenProvider, failure: string): string | undefined {
    const at = `providers.${provider}`;
    if (UNREACHABLE.has(failure))
      return `provider "${provider}" cannot be reached: check ${at}.baseUrl in ${this.file}${from(baseUrl)}, and this machine's way to it`;
    if (failure !== 'auth') return undefined;
    if (apiKey === undefined || apiKey === '')
      return `provider "${provider}" wants an API key: set ${at}.apiKey in ${this.file}`;
    return `provider "${provider}" refuses its API key: check ${at}.apiKey in ${this.file}${from(apiKey)}`;
  }
}

/** The variable that a written value takes its content from; the content itself may be a secret. */
function from(written: unknown): string {
  const variable = /\$\{([A-Za-z_][A-Za-z0-9_]*)/.exec(String(written))?.[1];
  return variable ? `, which comes from ${variable}` : '';
}
