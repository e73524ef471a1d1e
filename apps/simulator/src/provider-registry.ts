import { z } from 'zod';
import { latencySchema, type Latency } from './latency.js';
import { seededRandom, type Random } from './seeded-random.js';

/** Used where neither model, provider nor script sets a latency. */
export const DEFAULT_LATENCY: Latency = { kind: 'fixed', ms: 10 };

// A name is the first part of a path, beside the simulator's own.
const RESERVED_NAMES = ['admin', 'live', 'ready'];

/** A provider's name: what stands before `/v1` in its base URL. */
export const providerNameSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'must be 1 to 100 letters, digits, dots, dashes or underscores')
  .refine((name) => !RESERVED_NAMES.includes(name), `must not be one of: ${RESERVED_NAMES.join(', ')}`);

/** A model as scripts and the admin API describe it. */
const modelSchema = z.strictObject({
  latency: latencySchema.optional(),
  /** Whether the list of models has it (default: yes); it answers in any case. */
  listed: z.boolean().optional(),
  /** `shutdown_date` in OpenAI's list of models, as it is: a list may say anything. Anthropic's list has no such thing. */
  shutdownDate: z.string().max(200).optional(),
});

/** A provider as scripts and the admin API describe it. In YAML a model without settings may be left empty. */
export const providerSchema = z.strictObject({
  /** Absent: any model that is asked for. */
  models: z.record(z.string().min(1).max(200), modelSchema.nullable()).optional(),
  apiKey: z.string().min(1).optional(),
  latency: latencySchema.optional(),
});

/** A provider as scripts and the admin API describe it. */
export type ProviderConfig = z.infer<typeof providerSchema>;

/** A model that answers. */
export interface SimulatedModel {
  latency: Latency;
  listed: boolean;
  shutdownDate: string | undefined;
  /** Of this model alone. */
  random: Random;
}

/** A provider that answers. */
export interface SimulatedProvider {
  name: string;
  apiKey: string | undefined;
  latency: Latency;
  models: Map<string, SimulatedModel>;
  /** Serves any model that is asked for, beside those it lists. */
  servesAnyModel: boolean;
}

type ModelSettings = Pick<SimulatedModel, 'latency'> & Partial<Pick<SimulatedModel, 'listed' | 'shutdownDate'>>;

/** What holds for every provider. */
export interface RegistryOptions {
  seed: number;
  autoProviders: boolean;
  defaultLatency: Latency;
}

/** The providers and models there are. */
export class ProviderRegistry {
  private readonly providers = new Map<string, SimulatedProvider>();

  constructor(private readonly options: RegistryOptions) {}

  /** Creates a provider, or replaces it: its models then draw their latencies from the start again. */
  put(name: string, config: ProviderConfig): void {
    const latency = config.latency ?? this.options.defaultLatency;
    const servesAnyModel = config.models === undefined;
    const provider: SimulatedProvider = { name, apiKey: config.apiKey, latency, models: new Map(), servesAnyModel };
    for (const [model, settings] of Object.entries(config.models ?? {})) {
      provider.models.set(model, this.createModel(name, model, { latency, ...settings }));
    }
    this.providers.set(name, provider);
  }

  /** Removes a provider; false when there was none. */
  remove(name: string): boolean {
    return this.providers.delete(name);
  }

  /** The provider of that name; with `autoProviders` any well-formed name has one. */
  find(name: string): SimulatedProvider | undefined {
    const known = this.providers.get(name);
    if (known !== undefined || !this.options.autoProviders || !providerNameSchema.safeParse(name).success) return known;
    this.put(name, {});
    return this.providers.get(name);
  }

  /** The model of that name, if the provider serves it. */
  findModel(provider: SimulatedProvider, name: string): SimulatedModel | undefined {
    const known = provider.models.get(name);
    if (known !== undefined || !provider.servesAnyModel || name === '') return known;
    // Who serves any model has no list of them.
    const model = this.createModel(provider.name, name, { latency: provider.latency, listed: false });
    provider.models.set(name, model);
    return model;
  }

  /** Names of the providers there are. */
  names(): string[] {
    return [...this.providers.keys()];
  }

  /** The providers as the admin API shows them; keys stay secret. */
  describe(): Record<string, object> {
    return Object.fromEntries(
      [...this.providers.values()].map(({ name, apiKey, servesAnyModel, models }) => [
        name,
        {
          requiresKey: apiKey !== undefined,
          anyModel: servesAnyModel,
          models: Object.fromEntries([...models].map(([model, { latency }]) => [model, { latency }])),
        },
      ]),
    );
  }

  private createModel(provider: string, model: string, settings: ModelSettings): SimulatedModel {
    const { latency, listed = true, shutdownDate } = settings;
    return { latency, listed, shutdownDate, random: seededRandom(`${this.options.seed}/${provider}/${model}`) };
  }
}
