import { Body, Controller, Get, Headers, HttpException, Inject, Put, UseGuards } from '@nestjs/common';
import type { UnderstudyConfig } from '#libs/config';
import { AUTO_MODE, modeRequestSchema, parseOrThrow, UnderstudyError, type ModeRequest } from '#libs/contracts';
import type { SnapshotMode, ModeSetting } from '#libs/contracts';
import { LOGGER } from '#libs/service';
import { ModeStore } from '#libs/store';
import type { Logger } from '#libs/telemetry';
import { AdminGuard } from './admin.guard.js';
import { AGGREGATOR_CONFIG } from './aggregator.tokens.js';
import { HealthViewService } from './health-view.service.js';

/** What `/mode` answers. */
export interface ModeReport {
  /** As last published; null before the first snapshot. */
  mode: SnapshotMode | null;
  /** What an operator has set; null when nobody has. */
  setting: ModeSetting | null;
}

/** The mode of the fleet, and the operator's word on it. */
@Controller('mode')
export class ModeController {
  constructor(
    private readonly view: HealthViewService,
    private readonly store: ModeStore,
    @Inject(AGGREGATOR_CONFIG) private readonly config: UnderstudyConfig,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  @Get()
  async report(): Promise<ModeReport> {
    this.#known();
    return { mode: this.view.snapshot?.mode ?? null, setting: await this.#whileRedisIsThere(() => this.store.read()) };
  }

  /** Sets a mode, or hands the choice back with `auto`. It counts within a second, and through every restart. */
  @Put()
  @UseGuards(AdminGuard)
  async set(@Body() body: unknown, @Headers('content-type') type = ''): Promise<{ setting: ModeSetting }> {
    const known = [AUTO_MODE, ...this.#known()];
    const request = requestOf(body, type);
    if (!known.includes(request.mode))
      throw problem(400, 'invalid_request', `mode: no mode is called "${request.mode}"; known: ${known.join(', ')}`);
    const setting = { ...request, at: Date.now() };
    await this.#whileRedisIsThere(() => this.store.set(setting));
    this.logger.warn({ event: 'llm.mode.set', ...request }, `mode set to ${request.mode}: ${request.reason}`);
    return { setting };
  }

  #known(): string[] {
    const { modes } = this.config;
    if (!modes)
      throw problem(
        404,
        'no_modes',
        'No modes are configured: add modes: { primary, secondary } to the configuration.',
      );
    return [modes.primary, modes.secondary];
  }

  async #whileRedisIsThere<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.logger.warn({ event: 'llm.mode.unreachable', err: error }, 'the mode cannot be read or set');
      throw problem(503, 'redis_unavailable', 'Redis, which keeps the setting, cannot be reached; try again.');
    }
  }
}

const FORM = 'Send JSON with Content-Type: application/json: {"mode":"auto","reason":"why"}.';

function requestOf(body: unknown, type: string): ModeRequest {
  // Read as something else, its fields would be told to be missing.
  if (!/^application\/json\b/i.test(type))
    throw problem(400, 'invalid_request', `The request is not JSON by its Content-Type. ${FORM}`);
  try {
    return parseOrThrow(modeRequestSchema, body, 'request');
  } catch (error) {
    if (!(error instanceof UnderstudyError)) throw error;
    throw problem(400, error.code, `${error.message}. ${FORM}`);
  }
}

const problem = (status: number, code: string, message: string) =>
  new HttpException({ error: { code, message } }, status);
