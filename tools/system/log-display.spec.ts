import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { LogDisplay } from './log-display.js';
import { createPaint } from './paint.js';
import { ProviderHints } from './provider-hints.js';
import { Terminal } from './terminal.js';

const CONFIG = `
providers:
  played: { kind: openai-compatible, baseUrl: '\${SIMULATOR_URL:-http://127.0.0.1:4010}/played/v1' }
  real: { kind: openai-compatible, baseUrl: 'https://api.example.test/v1', apiKey: '\${REAL_KEY}' }
targets: []
`;

describe('LogDisplay', () => {
  let folder: string;
  let written: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'understudy-logs-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    writeFileSync(join(folder, 'mine.yaml'), CONFIG);
    written = '';
  });

  function display(isVerbose = false): LogDisplay {
    const stream = { isTTY: false, columns: 200, write: (text: string) => ((written += text), true) };
    const terminal = new Terminal(stream as never);
    const hints = new ProviderHints(join(folder, 'mine.yaml'));
    return new LogDisplay({ folder, terminal, paint: createPaint(false), isVerbose, hints });
  }
  const line = (fields: Record<string, unknown>) => ({
    text: JSON.stringify(fields),
    fields: { level: 'warn', ...fields },
  });
  const failover = (jobId: string, from = 'played/a', reason = 'overloaded') =>
    line({ event: 'llm.failover', job_id: jobId, context: 'RouteService', from, to: 'played/b', reason, status: 503 });

  it('tells failovers of the same kind in one line, and keeps each of them in the file', async () => {
    const logs = display();
    for (const job of ['1', '2', '3']) logs.take('router', failover(job));
    await logs.close();
    expect(written).toBe('router     WARN 3 jobs failed over played/a → played/b (overloaded, 503)\n');
    expect(readFileSync(join(folder, 'router.log'), 'utf8').match(/"job_id":"[123]"/g)).toHaveLength(3);
  });

  it('tells how many jobs wait, and how long', async () => {
    const logs = display();
    for (let job = 0; job < 12; job++)
      logs.take('router', line({ event: 'llm.job.parked', job_id: job, pause_ms: 1_730, attempts: 4 }));
    await logs.close();
    expect(written).toBe('router     WARN 12 jobs wait: every target failed; next try in 2 s\n');
  });

  it('leaves out what the sentence says already, and what only a search needs', () => {
    const fields = {
      msg: 'played/a took 3512 ms',
      target: 'played/a',
      latencyMs: 3512.4,
      context: 'X',
      maxLatencyMs: 3000,
    };
    display().take('aggregator', line(fields));
    expect(written).toBe('aggregator WARN played/a took 3512 ms maxLatencyMs=3000\n');
  });

  it('shows every line with all its fields on request', () => {
    const logs = display(true);
    logs.take('router', failover('1'));
    logs.take('router', line({ level: 'info', msg: 'hello' }));
    expect(written).toMatch(/llm.failover job_id=1 .* status=503\n.*hello\n$/);
  });

  it('tells a warning that several services have at the same time once', () => {
    const logs = display();
    for (const service of ['prober', 'router']) {
      logs.take(service, line({ event: 'telemetry.export_failed', reason: service, msg: 'traces cannot be sent' }));
      logs.take(service, line({ event: 'redis.disconnected', msg: 'Redis is away' }));
      logs.take(service, line({ level: 'error', msg: 'broken' }));
    }
    expect(written.match(/\b(traces|Redis|broken)\b/g)).toEqual(['traces', 'Redis', 'broken', 'broken']);
  });

  it('hints once at what to check when a real provider refuses its key or cannot be reached', () => {
    const logs = display();
    const changed = (outcome: string) =>
      line({ event: 'llm.health.state_change', target: 'real/m', outcome, msg: 'real/m healthy → unavailable' });
    for (let job = 0; job < 3; job++) logs.take('router', failover(String(job), 'real/m', 'auth'));
    for (let i = 0; i < 2; i++) logs.take('aggregator', changed('connection'));
    logs.take('router', failover('9', 'played/a', 'connection'));
    expect(written.match(/^→ .*$/gm)).toEqual([
      expect.stringMatching(/"real" refuses its API key: check providers.real.apiKey .*, which comes from REAL_KEY$/),
      expect.stringMatching(/"real" cannot be reached: check providers.real.baseUrl/),
    ]);
  });
});
