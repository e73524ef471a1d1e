import type { ServerResponse } from 'node:http';
import { Controller, Get, Res } from '@nestjs/common';
import { UnderstudyError } from '#libs/contracts';
import { ModelsService } from './models.service.js';

/** Whether a request would be taken in now; which targets are well is the aggregator's to say. */
interface DoorHealth {
  status: 'healthy' | 'unavailable';
  models?: number;
  error?: { code: string; message: string };
}

@Controller('health')
export class HealthController {
  constructor(private readonly models: ModelsService) {}

  @Get()
  async health(@Res({ passthrough: true }) response: ServerResponse): Promise<DoorHealth> {
    try {
      return { status: 'healthy', models: (await this.models.list()).length };
    } catch (error) {
      if (!(error instanceof UnderstudyError)) throw error;
      response.statusCode = 503;
      return { status: 'unavailable', error: { code: error.code, message: error.message } };
    }
  }
}
