/** The apps in the order in which they are started, with the loopback port that each prefers. */
export const APPS = {
  simulator: { port: 4010 },
  prober: { port: 4003 },
  aggregator: { port: 4001 },
  router: { port: 4002 },
  gateway: { port: 4000 },
} as const;

export type AppName = keyof typeof APPS;
