import { describeConformance } from '../conformance.fixture.js';
import { createAdapter } from '../create-adapter.js';

describeConformance('anthropic', {
  simulatorUrl: process.env.SIMULATOR_URL,
  adapterFor: (simulatorUrl, name) =>
    createAdapter({
      kind: 'anthropic',
      name,
      baseUrl: `${simulatorUrl}/${name}/v1`,
      headers: {},
      maxConnections: 4,
    }),
});
