/** What the package takes over from the repository's package.json. */
export interface RootManifest {
  version: string;
  license: string;
  engines: Record<string, string>;
  dependencies: Record<string, string>;
}

/** Packages that a Node service gets with the client, at the repository's own versions. */
const DEPENDENCIES = ['@opentelemetry/api', 'bullmq', 'ioredis', 'zod'];

/** Only for who enters by `@understudy/client/nest`. */
const PEERS = ['@nestjs/common'];

/** Packages that the files of the package may import. */
export const IMPORTABLE: readonly string[] = [...DEPENDENCIES, ...PEERS];

const entry = (file: string) => ({ types: `./libs/${file}.d.ts`, default: `./libs/${file}.js` });

/** The package.json of `@understudy/client`. Inside it the libs call each other by the same names as in the repository. */
export function packageManifest({ version, license, engines, dependencies }: RootManifest): Record<string, unknown> {
  const pinned = (names: string[]) => names.map((name) => [name, dependencies[name] as string] as const);
  return {
    name: '@understudy/client',
    version,
    description: 'Gets LLM completions answered, whatever the providers do: the way into the queue of Understudy.',
    license,
    type: 'module',
    engines,
    sideEffects: false,
    exports: { '.': entry('client/src/index'), './nest': entry('client/src/nest'), './package.json': './package.json' },
    imports: { '#libs/queue/producer': './libs/queue/src/producer.js', '#libs/*': './libs/*/src/index.js' },
    dependencies: Object.fromEntries(pinned(DEPENDENCIES)),
    peerDependencies: Object.fromEntries(pinned(PEERS).map(([name, pin]) => [name, `^${pin}`])),
    peerDependenciesMeta: Object.fromEntries(PEERS.map((name) => [name, { optional: true }])),
  };
}
