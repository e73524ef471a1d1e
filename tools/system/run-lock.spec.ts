import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { takeRunLock } from './run-lock.js';

describe('takeRunLock', () => {
  let file: string;
  beforeEach(() => {
    const folder = mkdtempSync(join(tmpdir(), 'understudy-lock-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    file = join(folder, 'below', 'run.lock');
  });

  it('is free again after its release', () => {
    takeRunLock(file)();
    expect(existsSync(file)).toBe(false);
    takeRunLock(file)();
  });

  it('refuses while its owner lives, and names it', () => {
    takeRunLock(file)();
    writeFileSync(file, String(process.ppid));
    expect(() => takeRunLock(file)).toThrow(`running in this folder already (pid ${process.ppid})`);
  });

  it('takes over from an owner that was killed', () => {
    takeRunLock(file)();
    writeFileSync(file, '4194305'); // above the largest pid that Linux gives
    takeRunLock(file);
    expect(existsSync(file)).toBe(true);
  });
});
