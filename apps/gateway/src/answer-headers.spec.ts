import { UnderstudyError } from '#libs/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerHeaders } from './answer-headers.js';
import { type GatewayUnderTest, startGateway } from './gateway.fixture.js';
import { toErrorResponse } from './openai-error.js';

describe('headers about an answer', () => {
  it('hold whatever a target, a model or a job is called', () => {
    expect(answerHeaders({ jobId: 'é', target: '😀', model: 'half \ud800' })).toEqual({
      'x-understudy-job-id': '%C3%A9',
      'x-understudy-target': '%F0%9F%98%80',
      'x-understudy-model': 'half%20%EF%BF%BD',
    });
  });

  it('tell of an error how many calls were made, however few of them it still names', () => {
    const attempt = { number: 900, target: 'a/m', outcome: 'timeout' as const, startedAt: 0, latencyMs: 1 };
    const error = new UnderstudyError('all_targets_failed', 'all', { attempts: [attempt] });
    expect(toErrorResponse(error, 0).headers).toMatchObject({ 'x-understudy-attempts': '900' });
  });
});

describe('an id that no header can hold', () => {
  let door: GatewayUnderTest;
  beforeAll(async () => {
    door = await startGateway();
  });
  afterAll(() => door.stop());

  it.each(['%00', '%0d%0a', '%F0%9F%98%80'])('%s is that of no job, like any other', async (id) => {
    for (const method of ['GET', 'DELETE']) {
      const response = await fetch(`${door.url}/v1/jobs/${id}`, { method });
      expect(response.status).toBe(404);
      expect(response.headers.get('x-understudy-job-id')).toBe(id.toUpperCase());
      expect(await response.json()).toMatchObject({ error: { code: 'job_not_found' } });
    }
    expect(door.lines.join('\n')).not.toContain('gateway.failed');
  });
});
