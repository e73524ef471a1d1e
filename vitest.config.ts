import { defineConfig } from 'vitest/config';

// "source" makes "#libs/*" resolve to the TypeScript sources. ssr.resolve.conditions is the one that counts for
// code that runs in Node: with resolve.conditions alone the imports go to dist.
const conditions = ['source', 'node', 'import', 'module', 'default'];

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
