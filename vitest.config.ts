import { defineConfig } from 'vitest/config';

// "understudy-source" makes "#libs/*" resolve to the TypeScript sources. ssr.resolve.conditions is the one that counts for
// code that runs in Node: with resolve.conditions alone the imports go to dist. Vitest gives them to Node as --conditions too, which
// then hold for require(): with "import" or "module" among them, CommonJS packages get ES modules that they cannot use.
const conditions = ['understudy-source', 'node'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    globalSetup: ['test/setup/global.ts'],
    setupFiles: ['reflect-metadata'],
    include: ['{apps,libs,tools}/**/*.spec.ts', 'test/**/*.spec.ts'],
    // Journeys start real processes; on a small machine starting five of them takes seconds.
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
});
