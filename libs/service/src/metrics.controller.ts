import type { ServerResponse } from 'node:http';
import { Registry } from '#libs/telemetry';
import { Controller, Get, Res } from '@nestjs/common';

/** For Prometheus. Written to the response directly: Express would reorder the parameters of the content type. */
@Controller()
export class MetricsController {
  constructor(private readonly registry: Registry) {}

  @Get('metrics')
  async metrics(@Res() response: ServerResponse): Promise<void> {
    const text = await this.registry.metrics();
    response.writeHead(200, { 'content-type': this.registry.contentType, 'cache-control': 'no-store' });
    response.end(text);
  }
}
