import type { TargetConfig, UnderstudyConfig } from '#libs/config';

/** What the jobs of a demonstration ask for. */
export interface SampleRequest {
  /** The sample's "gpt-4", or whatever the first target of another configuration serves that talks. */
  model: string;
  /** The target that is asked first while it is well. */
  preferred: TargetConfig | undefined;
}

export function sampleRequest({ routes, targets }: UnderstudyConfig): SampleRequest {
  const model = routes.has('gpt-4')
    ? 'gpt-4'
    : (targets.find(({ operation }) => operation === 'chat')?.serves[0] ?? 'auto');
  return { model, preferred: targets.find(({ id }) => id === routes.get(model)?.targets[0]) };
}
