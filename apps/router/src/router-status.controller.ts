import { Controller, Get } from '@nestjs/common';
import { HealthViewService, type HealthViewStatus } from './health-view.service.js';

/** What this router routes by. */
@Controller()
export class RouterStatusController {
  constructor(private readonly health: HealthViewService) {}

  @Get('status')
  status(): { snapshot: HealthViewStatus } {
    return { snapshot: this.health.status(Date.now()) };
  }
}
