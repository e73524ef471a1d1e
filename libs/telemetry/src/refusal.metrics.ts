import { Counter, type Registry } from 'prom-client';

/** Requests that the gateway answered with an error: how many callers are turned away, and why. */
export class RefusalMetrics {
  readonly #errors: Counter<'code'>;
  readonly #codes: ReadonlySet<string>;

  /** @param codes of the errors that are told apart; any other counts as `other` */
  constructor(registry: Registry, codes: readonly string[]) {
    this.#codes = new Set(codes);
    this.#errors = new Counter({
      name: 'ai_gateway_errors_total',
      help: 'Requests that were answered with an error instead of a result, by its code; other: refused at the door, before there is a job',
      labelNames: ['code'],
      registers: [registry],
    });
    for (const code of [...codes, 'other']) this.#errors.inc({ code }, 0);
  }

  refused(code: string): void {
    this.#errors.inc({ code: this.#codes.has(code) ? code : 'other' });
  }
}
