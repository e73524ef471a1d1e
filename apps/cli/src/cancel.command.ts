import { CompletionQueue } from '#libs/queue';
import { onlyWord } from './arguments.js';
import type { Command } from './command.js';

/** `understudy cancel ID` */
export const CancelCommand: Command = {
  usage:
    'understudy cancel ID                          end a job that waits or runs; whoever waits for it hears at once',
  examples: '  understudy cancel 5d2f…',
  options: {},
  async run(typed, place) {
    const id = onlyWord(typed, 'the id of the job');
    const queue = new CompletionQueue(place);
    try {
      const standing = await queue.cancel(id);
      const text =
        standing === 'cancelled' ? `${id} is cancelled` : `${id} had come to an end before: its result stands`;
      return { data: { id, standing }, text, code: standing === 'cancelled' ? 0 : 1 };
    } finally {
      await queue.close();
    }
  },
};
