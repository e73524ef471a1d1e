import type { ServerResponse } from 'node:http';
import { Controller, Get, Res } from '@nestjs/common';
import { Readiness } from './readiness.js';

/** For whoever starts and restarts this process. The answers bypass interceptors and filters of the app. */
@Controller()
export class ReadinessController {
  constructor(private readonly readiness: Readiness) {}

  /** The process runs: 200 whatever it waits for, because a restart would not bring back what is missing. */
  @Get('live')
  live(@Res() response: ServerResponse): void {
    sendJson(response, 200, { status: 'live' });
  }

  /** 200 when work may be sent here, else 503 with what is missing. */
  @Get('ready')
  ready(@Res() response: ServerResponse): void {
    const report = this.readiness.report();
    sendJson(response, report.status === 'ready' ? 200 : 503, report);
  }
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}
