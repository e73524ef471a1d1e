import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ErrorCode, UnderstudyError } from '@understudy/client';
import type { Ticket, TicketSummaries } from './ticket-summaries.js';

/** How long a request may wait for a summary, in milliseconds. */
const WAIT_MS = 10_000;

/** What our callers are told; whatever is not in the list is 500. */
const STATUS: Partial<Record<ErrorCode, number>> = {
  invalid_request: 400,
  job_not_found: 404,
  idempotency_conflict: 409,
  cancelled: 410,
  queue_full: 503,
  queue_unavailable: 503,
  deadline_exceeded: 504,
};

/**
 *   POST   /tickets/<id>/summary  {"text": "…", "isUrgent": true}  → 200 with the summary, or 202 with the id of the job
 *   POST   /tickets/summaries     [{"id": "…", "text": "…"}, …]    → 202 with the ids of the jobs
 *   GET    /summaries/<job id>                                     → 200 with the summary, or 202
 *   DELETE /summaries/<job id>                                     → 200 with what became of it
 */
export async function answer(request: IncomingMessage, response: ServerResponse, summaries: TicketSummaries) {
  const send = (status: number, body: unknown) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  try {
    const [, first, second, third] = (request.url ?? '').split('/').map(decodeURIComponent);
    const call = `${request.method} /${first}`;
    if (call === 'POST /tickets' && second === 'summaries') {
      return send(202, { jobIds: await summaries.requestMany((await bodyOf(request)) as Ticket[]) });
    }
    if (call === 'POST /tickets' && second && third === 'summary') {
      const { text = '', isUrgent = false } = (await bodyOf(request)) as Partial<Ticket>;
      const summary = await summaries.request({ id: second, text, isUrgent }, WAIT_MS);
      return send(summary.summary === null ? 202 : 200, summary);
    }
    if (call === 'GET /summaries' && second) {
      const summary = await summaries.get(second, WAIT_MS);
      return send(summary.summary === null ? 202 : 200, summary);
    }
    if (call === 'DELETE /summaries' && second) return send(200, { jobId: second, state: await summaries.cancel(second) });
    send(404, { error: 'there is no such thing here' });
  } catch (error) {
    // Branch on the code, show the message: it says what was wrong and what to do.
    if (error instanceof UnderstudyError) {
      if (error.retryable) response.setHeader('retry-after', '5');
      return send(STATUS[error.code] ?? 500, { error: error.message, code: error.code });
    }
    send(error instanceof SyntaxError ? 400 : 500, { error: 'this did not work' });
  }
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  return JSON.parse(text) as unknown;
}
