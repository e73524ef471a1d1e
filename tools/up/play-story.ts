import { startService } from '#libs/processes';
import { asStoryMessage, type StorySummary } from '../story/story-message.js';
import type { LogDisplay } from '../system/log-display.js';
import { describeEnd, SystemFailure } from '../system/system-failure.js';
import type { Terminal } from '../system/terminal.js';

interface StoryOptions {
  env: NodeJS.ProcessEnv;
  /** Whether a provider may be killed. */
  isStaged: boolean;
  terminal: Terminal;
  logs: LogDisplay;
  signal: AbortSignal;
}

/**
 * Plays the story in a process of its own and shows what it tells.
 * @returns how it went; undefined when `signal` ended it
 * @throws SystemFailure when it ends before its end
 */
export async function playStory({
  env,
  isStaged,
  terminal,
  logs,
  signal,
}: StoryOptions): Promise<StorySummary | undefined> {
  let summary: StorySummary | undefined;
  const story = startService({
    name: 'story',
    entry: 'dist/tools/story/main.js',
    env: { ...env, ...(isStaged ? {} : { SIMULATOR_URL: '' }), STORY_INTERACTIVE: terminal.isInteractive ? '1' : '0' },
    onLine: (line) => {
      const message = asStoryMessage(line.fields);
      if (!message) logs.take('story', line);
      else if ('frame' in message) terminal.setFrame(message.frame);
      else if ('line' in message) terminal.line(`▸ ${message.line}`);
      else summary = message.summary;
    },
  });
  const stop = () => void story.stop(500);
  signal.addEventListener('abort', stop, { once: true });
  const exit = await story.exited;
  signal.removeEventListener('abort', stop);
  if (signal.aborted) return undefined;
  if (!summary || exit.code !== 0)
    throw new SystemFailure(
      describeEnd('story', exit),
      story.lines().filter(({ fields }) => !fields),
    );
  return summary;
}
