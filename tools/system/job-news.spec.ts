import { describe, expect, it } from 'vitest';
import { jobNews } from './job-news.js';

describe('jobNews', () => {
  it.each([
    [{ code: 'unknown_target', field: 'routing.pin', attempts: 0 }, 'unknown_target (routing.pin)'],
    [
      { code: 'all_targets_failed', attempts: 3, last_failure: 'auth', last_status: 401 },
      'all_targets_failed (last attempt: auth, 401)',
    ],
    [{ code: 'deadline_exceeded', attempts: 1, last_failure: 'timeout' }, 'deadline_exceeded (last attempt: timeout)'],
    [{ code: 'deadline_exceeded', attempts: 0 }, 'deadline_exceeded'],
  ])('says why a job ended, as far as the log has it: %o', (fields, end) => {
    expect(jobNews({ event: 'llm.job.failed', job_id: '1', ...fields })?.sentence(2)).toBe(`2 jobs ended with ${end}`);
  });
});
