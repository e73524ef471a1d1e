import { randomBytes } from 'node:crypto';
import { simulatorAdmin, startStack, type Stack } from '#libs/testing';
import OpenAI from 'openai';
import { vi } from 'vitest';

const id = randomBytes(4).toString('hex');

/** Two targets behind one model name: the first is always asked first, and misbehaves on command. */
export interface StreamPair {
  /** Model to ask for. */
  model: string;
  /** Providers. */
  first: string;
  second: string;
  /** Ids of the targets. */
  targets: [string, string];
}

/** `same`: both targets say the same. `other`: they do not. `anthropic`: as `same`, by Anthropic's wire format. */
type PairKind = 'same' | 'other' | 'anthropic';

/** Gateway and router in processes of their own, and pairs of simulated targets, a fresh one per test. */
export async function startStreamingStack(pairs: { same: number; other: number; anthropic?: number }, routers = 1) {
  const simulator = simulatorAdmin(process.env.SIMULATOR_URL!);
  const free: Record<PairKind, StreamPair[]> = { same: [], other: [], anthropic: [] };
  for (const kind of ['same', 'other', 'anthropic'] as const)
    for (let n = 0; n < (pairs[kind] ?? 0); n++) {
      const [first, second] = [`${kind}-first-${n}-${id}`, `${kind}-second-${n}-${id}`];
      // The simulator's words depend on the name of the model: another one gives another answer.
      const models = kind === 'other' ? ['m', 'n'] : ['m', 'm'];
      await simulator.createProvider(first, {
        models: { m: {} },
        latency: { kind: 'fixed', ms: 5, perTokenMs: 30 },
      });
      await simulator.createProvider(second, { models: { [models[1]!]: {} }, latency: { kind: 'fixed', ms: 5 } });
      const targets: [string, string] = [`${first}/${models[0]}`, `${second}/${models[1]}`];
      free[kind].push({ model: `${kind}-${n}`, first, second, targets });
    }
  const all = Object.values(free).flat();
  const stack: Stack = await startStack({
    apps: { router: routers, gateway: 1 },
    config: `
providers:
${all.flatMap(({ first, second }) => [first, second].map((name) => `  ${name}: { kind: ${kindOf(name)}, baseUrl: '\${SIMULATOR_URL}/${name}/v1' }`)).join('\n')}
targets:
${all
  .flatMap(({ first, second, targets }) => [
    `  - { provider: ${first}, model: ${targets[0].split('/')[1]}, idleTimeoutMs: 1000, firstTokenTimeoutMs: 20000, timeoutMs: 20000 }`,
    `  - { provider: ${second}, model: ${targets[1].split('/')[1]}, timeoutMs: 20000 }`,
  ])
  .join('\n')}
routes:
${all.map(({ model, targets }) => `  ${model}: { targets: [${targets[0]}], fallbacks: [${targets[1]}], standIns: fallbacks }`).join('\n')}
gateway: { keepAliveMs: 4000 }
jobs: { takeoverMs: 4000 }
`,
  });
  const url = stack.app('gateway').url;
  const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none-needed', maxRetries: 0 });
  await vi.waitFor(async () => {
    const { data } = await openai.models.list();
    if (!data.some(({ id: model }) => model === all[0]!.model)) throw new Error('no router has announced its models');
  });
  return {
    url,
    openai,
    simulator,
    stack,
    pair(kind: PairKind = 'same'): StreamPair {
      const taken = free[kind].pop();
      if (!taken) throw new Error(`all pairs of the kind "${kind}" are taken: start the stack with more`);
      return taken;
    },
    /** The text that a target gives for a request, in one piece. */
    async textOf(pair: StreamPair, target: 0 | 1, tokens: number): Promise<string | null> {
      const answer = await openai.chat.completions.create(
        { ...ask(pair, tokens) },
        { headers: { 'x-understudy-preferred': pair.targets[target] } },
      );
      return answer.choices[0]!.message.content;
    },
  };
}

const kindOf = (provider: string) => (provider.startsWith('anthropic') ? 'anthropic' : 'openai-compatible');

export type StreamingStack = Awaited<ReturnType<typeof startStreamingStack>>;

export const ask = ({ model }: StreamPair, tokens = 20) => ({
  model,
  messages: [{ role: 'user' as const, content: 'hello' }],
  max_tokens: tokens,
});
