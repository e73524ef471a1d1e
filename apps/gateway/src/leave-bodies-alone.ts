import type { NestExpressApplication } from '@nestjs/platform-express';

/**
 * Keeps Nest's default parsers from the bodies: they would read them before the key is checked, refuse more than 100 kB, and take
 * what curl sends for a form. Call before the application is initialised.
 */
export function leaveBodiesAlone(app: NestExpressApplication): void {
  const matchNothing = { type: () => false };
  app.useBodyParser('json', matchNothing);
  app.useBodyParser('urlencoded', { ...matchNothing, extended: true });
}
