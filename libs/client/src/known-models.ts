import { UnderstudyError } from '#libs/contracts';
import type { ModelCatalog } from '#libs/queue/producer';

/** Refuses models that no router serves, before a job is enqueued for nothing. */
export class KnownModels {
  #known: string[] | null = null;

  constructor(private readonly catalog: ModelCatalog) {}

  /**
   * Lets a model pass that the routers announced, and any model as long as none has announced anything.
   * @throws UnderstudyError `unknown_model`, whose message lists the known ones; `queue_unavailable`
   */
  async check(model: string): Promise<void> {
    if (this.#known?.includes(model)) return;
    // The configuration may have changed since: nobody is refused on old knowledge.
    this.#known = await this.catalog.read();
    if (this.#known === null || this.#known.includes(model)) return;
    const list = this.#known.join(', ') || 'none';
    throw new UnderstudyError('unknown_model', `model: no route is called "${model}"; known: ${list}`, {
      field: 'model',
    });
  }
}
