import { startService, untilReady, type LogLine, type ServiceExit } from '#libs/processes';

export interface StartProcessOptions {
  /** For messages. */
  name: string;
  /** Compiled entry without `dist/`: `apps/router/src/main.js`. Build first: `npm run build`. */
  entry: string;
  /** Added to PATH and HOME; `PORT` defaults to a free one and `LOG_FORMAT` to json. */
  env: Readonly<Record<string, string | undefined>>;
  /** Asked until it answers 200; default: `/ready` at the url of the process's `ready` log line. */
  readyUrl?: string;
  /** `false` returns at once, for a process that is expected not to get ready. */
  waitUntilReady?: boolean;
  /** Default 20 s. */
  readyDeadlineMs?: number;
}

/** A program of ours in a process of its own, under test. */
export interface TestProcess {
  readonly name: string;
  readonly pid: number;
  /** `http://127.0.0.1:port`, as the process said itself; empty when it was not waited for. */
  readonly url: string;
  readonly exited: Promise<ServiceExit>;
  readonly running: boolean;
  kill(signal?: NodeJS.Signals): void;
  /** SIGTERM, and SIGKILL after the deadline. */
  stop(deadlineMs?: number): Promise<ServiceExit>;
  /** Its JSON log lines so far. */
  logs(): Readonly<Record<string, unknown>>[];
  /** All it wrote, as text. */
  output(): string;
}

/**
 * Starts a compiled program and waits until it is ready. It ends with the test process, however that ends.
 * @throws with its last lines when it ends or is not ready in time
 */
export async function startProcess(options: StartProcessOptions): Promise<TestProcess> {
  const { name, entry, env, readyUrl, waitUntilReady = true, readyDeadlineMs = 20_000 } = options;
  const { PATH, HOME } = process.env;
  let sawReadyLine: (url: string) => void = () => {};
  const readyLine = new Promise<string>((resolve) => (sawReadyLine = resolve));
  const service = startService({
    name,
    entry: `dist/${entry}`,
    env: { PATH, HOME, PORT: '0', LOG_FORMAT: 'json', ...env },
    onLine: (line) => {
      const url = readyUrlOf(line);
      if (url !== undefined) sawReadyLine(url);
    },
  });
  const output = () =>
    service
      .lines()
      .map(({ text }) => text)
      .join('\n');

  let url = '';
  if (waitUntilReady) {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), readyDeadlineMs);
    const gaveUp = new Promise<undefined>((resolve) => late.signal.addEventListener('abort', () => resolve(undefined)));
    void service.exited.then(() => late.abort());
    const said = readyUrl ? new URL(readyUrl).origin : await Promise.race([readyLine, gaveUp]);
    const answer = said && (await untilReady(readyUrl ?? `${said}/ready`, readyDeadlineMs, late.signal));
    clearTimeout(timer);
    if (!answer || !answer.ready) {
      const why = service.running ? `is not ready after ${readyDeadlineMs} ms` : 'ended before it was ready';
      await service.stop(2_000);
      throw new Error(`${name} ${why}. Its last lines:\n${output().slice(-4000)}`);
    }
    url = said;
  }
  return {
    name,
    pid: service.pid,
    url,
    exited: service.exited,
    get running() {
      return service.running;
    },
    kill: (signal = 'SIGKILL') => service.kill(signal),
    stop: (deadlineMs) => service.stop(deadlineMs),
    logs: () => service.lines().flatMap(({ fields }) => (fields ? [fields] : [])),
    output,
  };
}

/** The address in a line by which a service says that it is ready. */
function readyUrlOf({ fields }: LogLine): string | undefined {
  const isReady = fields?.['event'] === 'service.ready' || fields?.['msg'] === 'ready';
  return isReady && typeof fields['url'] === 'string' ? fields['url'] : undefined;
}
