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
    setupFiles: ['reflect-metadata', 'test/setup/patience.ts'],
    include: ['{apps,libs,tools}/**/*.spec.ts', 'test/**/*.spec.ts'],
    // To catch what hangs, not what is slow: on a small and busy machine starting five processes takes many seconds.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // The same for expect.poll as test/setup/patience.ts has for vi.waitFor.
    expect: { poll: { timeout: 15_000 } },
  },
});
