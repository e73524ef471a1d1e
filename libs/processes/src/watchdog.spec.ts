import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import ts from 'typescript';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';

/** Runs `body`, in which `onOwnDeath` is known, in a process of its own that then kills itself with SIGKILL. */
async function runAndDie(body: string): Promise<void> {
  const source = readFileSync(join(import.meta.dirname, 'watchdog.ts'), 'utf8');
  const compiled = ts.transpile(source, { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext });
  const script = `${compiled}\n${body}\nsetImmediate(() => process.kill(process.pid, 'SIGKILL'));`;
  await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]).catch(() => {});
}

describe('onOwnDeath', () => {
  let bystander: ChildProcess;
  beforeEach(() => {
    bystander = spawn('sleep', ['60']);
    onTestFinished(() => void bystander.kill('SIGKILL'));
  });

  it('runs its command when the process is killed', async () => {
    await runAndDie(`onOwnDeath(['kill', '${bystander.pid}']);`);
    await expect.poll(() => bystander.signalCode).toBe('SIGTERM');
  });

  it('does nothing when it was called off before', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'understudy-watchdog-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const mark = join(folder, 'acted');
    await runAndDie(`onOwnDeath(['kill', '${bystander.pid}'])(); onOwnDeath(['sh', '-c', ': > "${mark}"']);`);
    // The one that was not called off has acted: the other has had its chance too.
    await expect.poll(() => existsSync(mark)).toBe(true);
    expect(bystander.signalCode).toBeNull();
  });
});
