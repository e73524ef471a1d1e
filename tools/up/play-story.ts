import { startService } from '#libs/processes';
import { asStoryMessage, type StorySummary } from '../story/story-message.js';
import type { LogDisplay } from '../system/log-display.js';
import { describeEnd, SystemFailure } from '../system/system-failure.js';
import type { Terminal } from '../system/terminal.js';

interface StoryOptions {
  env: NodeJS.ProcessEnv;
  /** Whether a provider may be killed. */
  isStaged: boolean;
  /** Whether the live table goes on after the summary, until `signal` aborts. */
  stays: boolean;
  terminal: Terminal;
  logs: LogDisplay;
  signal: AbortSignal;
}

/**
 * Plays the story in a process of its own and shows what it tells; `signal` ends it.
 * @returns how it went, as soon as that is known; undefined when `signal` was first
 * @throws SystemFailure when it ends before its end
 */
export async function playStory(options: StoryOptions): Promise<StorySummary | undefined> {
  const { env, isStaged, stays, terminal, logs, signal } = options;
  let giveSummary: (summary: StorySummary) => void;
  const summary = new Promise<StorySummary>((resolve) => (giveSummary = resolve));
  const story = startService({
    name: 'story',
    entry: 'dist/tools/story/main.js',
    env: {
      ...env,
      ...(isStaged ? {} : { SIMULATOR_URL: '' }),
      STORY_INTERACTIVE: terminal.isInteractive ? '1' : '0',
      STORY_STAYS: stays ? '1' : '0',
    },
    onLine: (line) => {
      const message = asStoryMessage(line.fields);
      if (!message) logs.take('story', line);
      else if (signal.aborted) return;
      else if ('frame' in message) terminal.setFrame(message.frame);
      else if ('line' in message) terminal.line(`▸ ${message.line}`);
      else giveSummary(message.summary);
    },
  });
  signal.addEventListener('abort', () => void story.stop(500), { once: true });

  const told = await Promise.race([summary, story.exited]);
  if (signal.aborted) return undefined;
  if ('code' in told)
    throw new SystemFailure(
      describeEnd('story', told),
      story.lines().filter(({ fields }) => !fields),
    );
  void story.exited.then((exit) => {
    if (!stays || signal.aborted) return;
    terminal.setFrame([]);
    terminal.line(`${describeEnd('story', exit)}; the services go on without it`);
  });
  return told;
}
