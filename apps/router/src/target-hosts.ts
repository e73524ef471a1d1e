import type { UnderstudyConfig } from '#libs/config';

/**
 * Which targets are reached by the same name. Two providers of the configuration (two keys, say) may share a host, and with it the
 * fate of its name and its certificate.
 */
export class TargetHosts {
  readonly #hostOf: ReadonlyMap<string, string>;

  constructor({ targets, providers }: Pick<UnderstudyConfig, 'targets' | 'providers'>) {
    this.#hostOf = new Map(
      targets.flatMap(({ id, provider }) => {
        const baseUrl = providers[provider]?.baseUrl;
        return baseUrl === undefined ? [] : [[id, new URL(baseUrl).host] as const];
      }),
    );
  }

  /** Name and port; empty for a target that nobody has configured. */
  hostOf(target: string): string {
    return this.#hostOf.get(target) ?? '';
  }

  /** The other targets at the host of this one. */
  othersAt(target: string): string[] {
    const host = this.#hostOf.get(target);
    if (host === undefined) return [];
    return [...this.#hostOf].flatMap(([id, at]) => (at === host && id !== target ? [id] : []));
  }
}
