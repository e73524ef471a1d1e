import { describeConformance } from '../conformance.fixture.js';
import { createAdapter } from '../create-adapter.js';

describeConformance('openai-compatible', {
  simulatorUrl: process.env.SIMULATOR_URL,
  adapterFor: (simulatorUrl, name) =>
    createAdapter({
      kind: 'openai-compatible',
      name,
      baseUrl: `${simulatorUrl}/${name}/v1`,
      headers: {},
      maxConnections: 4,
    }),
});
