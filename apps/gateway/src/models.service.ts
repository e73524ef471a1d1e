import { Inject, Injectable } from '@nestjs/common';
import { CompletionClient } from '#libs/client';
import type { UnderstudyConfig } from '#libs/config';

/** Injection token of the checked configuration. */
export const CONFIG = Symbol('CONFIG');

/** A model in OpenAI's shape. */
export interface ListedModel {
  id: string;
  object: 'model';
  /** Epoch seconds. OpenAI's SDKs want a number here; ours says since when this gateway has listed the model. */
  created: number;
  owned_by: string;
}

/** The models that can be asked for. */
@Injectable()
export class ModelsService {
  readonly #startedAtSeconds = Math.floor(Date.now() / 1000);

  constructor(
    private readonly client: CompletionClient,
    @Inject(CONFIG) private readonly config: UnderstudyConfig,
  ) {}

  /**
   * What the routers serve; before the first of them has said so, what the configuration promises.
   * @throws UnderstudyError `queue_unavailable` while Redis is away
   */
  async list(): Promise<ListedModel[]> {
    const served = await this.client.models();
    const ids = served.length > 0 ? served : [...this.config.routes.keys()];
    return ids.map((id) => ({ id, object: 'model', created: this.#startedAtSeconds, owned_by: 'understudy' }));
  }
}
