import { parseArgs } from 'node:util';

export interface UpOptions {
  /** End after the story, with an exit code that tells how it went. */
  exitAfterStory: boolean;
  /** Only say how it is used. */
  wantsHelp: boolean;
  /** Show every log line. */
  isVerbose: boolean;
}

export const USAGE = `npm start               run everything, play the story, keep running until Ctrl-C
npm run demo            the same, but end after the story; fails if a job was lost or none failed over
  -- --verbose          show every log line of every service, with all fields`;

/** @throws TypeError that names an argument it does not know */
export function readOptions(args: readonly string[]): UpOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      exit: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
      verbose: { type: 'boolean', short: 'v', default: false },
    },
  });
  return { exitAfterStory: values.exit, wantsHelp: values.help, isVerbose: values.verbose };
}
