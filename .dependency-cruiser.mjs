// Who may import whom. `npm run check` fails when a rule is broken; docs/architecture.md has the picture.

const SPEC = '\\.(spec|fixture)\\.ts$';

/** Where a lib may be entered; two have a second door, for those who do without Nest or with it. */
const ENTRIES = '^libs/([^/]+/src/index|client/src/nest|queue/src/producer)\\.ts$';

/** One lib may see only `allowed` others of ours. */
const sees = (lib, allowed, comment) => ({
  name: `${lib}-sees-${allowed.join('-and-') || 'nothing-of-ours'}`,
  comment,
  severity: 'error',
  from: { path: `^libs/${lib}/`, pathNot: SPEC },
  to: { path: '^libs/', pathNot: `^libs/(${[lib, ...allowed].join('|')})/` },
});

/** A technology has one door: only `doors` may import it. */
const oneDoor = (technology, packages, doors) => ({
  name: `one-door-to-${technology}`,
  severity: 'error',
  from: { path: '^(apps|libs|tools|test)/', pathNot: `(${doors}|${SPEC})` },
  to: { path: packages },
});

export default {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'two files that need each other are one file',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-unresolved',
      comment: 'an import that does not resolve is invisible to every other rule',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'health-core-imports-nothing',
      comment: 'decisions are plain functions over plain data',
      severity: 'error',
      from: { path: '^libs/health-core/', pathNot: SPEC },
      to: { pathNot: '^libs/health-core/' },
    },
    {
      name: 'contracts-see-the-core-and-zod-only',
      severity: 'error',
      from: { path: '^libs/contracts/', pathNot: SPEC },
      to: { pathNot: '(^libs/(contracts|health-core)/|node_modules/zod/)' },
    },
    sees(
      'config',
      ['health-core', 'redis'],
      'the file may set every number of the health policy; the environment names Redis',
    ),
    sees('telemetry', [], 'serves everybody, so it knows nobody'),
    sees('redis', [], 'only how to connect'),
    sees('processes', [], 'only how to start and stop one'),
    sees('service', ['config', 'redis', 'telemetry'], 'how a process starts, says that it is ready, and stops'),
    sees('providers', ['contracts', 'health-core'], 'edge libs meet in an app, never in each other'),
    sees('pricing', ['contracts'], 'what answers cost, whoever gave them'),
    sees('queue', ['contracts', 'health-core', 'redis'], 'edge libs meet in an app, never in each other'),
    sees('alerts', ['contracts'], 'what to tell of a snapshot, and how it is sent'),
    sees('store', ['contracts', 'health-core', 'redis'], 'edge libs meet in an app, never in each other'),
    sees(
      'client',
      ['contracts', 'queue', 'redis'],
      'other services import it: no adapters, scores or keys come with it',
    ),
    {
      name: 'the-client-needs-no-nest',
      comment: 'a plain Node service imports it, and has no Nest',
      severity: 'error',
      from: { path: '^libs/(client/src/index|queue/src/producer)\\.ts$' },
      to: { path: 'node_modules/(@nestjs|rxjs|reflect-metadata)/', reachable: true },
    },
    {
      name: 'libs-do-not-see-apps',
      severity: 'error',
      from: { path: '^libs/' },
      to: { path: '^(apps|tools)/' },
    },
    {
      name: 'apps-do-not-see-apps',
      comment: 'two apps talk through a queue or a store',
      severity: 'error',
      from: { path: '^apps/([^/]+)/' },
      to: { path: '^(apps|tools)/', pathNot: '^apps/$1/' },
    },
    {
      name: 'only-prober-and-router-call-providers',
      severity: 'error',
      from: { path: '^(apps|tools)/', pathNot: `(^apps/(prober|router)/|${SPEC})` },
      to: { path: '^libs/providers/' },
    },
    {
      name: 'simulator-stands-alone',
      comment: 'a fake written with the code that it tests repeats the mistakes of that code',
      severity: 'error',
      from: { path: '^apps/simulator/' },
      to: { path: '^libs/', pathNot: '^libs/(config|telemetry|service|testing)/' },
    },
    {
      name: 'testing-stays-in-tests',
      severity: 'error',
      from: { path: '^(apps|libs|tools)/', pathNot: `(${SPEC}|^libs/testing/)` },
      to: { path: '^libs/testing/' },
    },
    {
      name: 'a-lib-is-entered-by-its-index',
      severity: 'error',
      from: { path: '^(apps|test|tools)/' },
      to: { path: '^libs/[^/]+/src/', pathNot: ENTRIES },
    },
    {
      name: 'a-lib-enters-another-by-its-index',
      severity: 'error',
      from: { path: '^libs/([^/]+)/' },
      to: { path: '^libs/[^/]+/src/', pathNot: `(^libs/$1/|${ENTRIES})` },
    },
    {
      name: 'inside-a-lib-import-the-file',
      severity: 'error',
      from: { path: '^libs/([^/]+)/src/', pathNot: SPEC },
      to: { path: '^libs/$1/src/index\\.ts$' },
    },
    oneDoor('the-price-list', 'node_modules/@pydantic/genai-prices/', '^libs/pricing/'),
    oneDoor('the-anthropic-sdk', 'node_modules/@ai-sdk/', '^libs/providers/src/anthropic/'),
    oneDoor('bullmq', 'node_modules/bullmq/', '^libs/(queue|testing)/'),
    oneDoor('ioredis', 'node_modules/ioredis/', '^libs/(redis|testing)/'),
    oneDoor('the-otel-sdk', 'node_modules/@opentelemetry/(sdk|exporter|instrumentation)', '^libs/(telemetry|testing)/'),
    oneDoor('prom-client', 'node_modules/prom-client/', '^libs/(telemetry|testing)/'),
    oneDoor(
      'http-calls',
      '(node_modules/undici/|^(node:)?(https|http2)$)',
      '^(libs/(providers|alerts|processes|testing)|apps/simulator|tools|test)/',
    ),
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      // `understudy-source` is the condition under which package.json maps #libs/* to the TypeScript sources.
      conditionNames: ['understudy-source', 'import', 'types', 'node', 'default'],
    },
  },
};
