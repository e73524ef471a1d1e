import type { ProviderConfig, TargetConfig } from '#libs/config';
import type { ModelListing } from '#libs/contracts';

/** A provider, and the targets whose models it is to have. */
export interface AskedProvider {
  name: string;
  provider: ProviderConfig;
  targets: readonly TargetConfig[];
}

/** Stores what was learned, and with it that the provider was asked. */
export type KeepListing = (listing: ModelListing) => Promise<void>;
