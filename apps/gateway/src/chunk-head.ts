import type { ChatChunk, CompletionResult } from '#libs/contracts';

type Fields = Record<string, unknown>;

/** What all chunks of a stream have in common: the first that is heard of the answer decides, whoever goes on with it. */
export class ChunkHead {
  #head: Fields | undefined;

  constructor(
    private readonly asked: {
      jobId: string;
      model: string;
      /** Epoch seconds. */
      now: number;
      includeUsage: boolean;
    },
  ) {}

  begin({ id, created, model, ...rest }: ChatChunk | CompletionResult): void {
    if (this.#head) return;
    const { choices: _, usage: __, obfuscation: ___, understudy: ____, ...facts } = rest as Fields;
    const { asked } = this;
    this.#head = {
      ...facts,
      id: id || `chatcmpl-${asked.jobId}`,
      object: 'chat.completion.chunk',
      created: created || asked.now,
      model: model || asked.model,
    };
  }

  /** A chunk that says `delta`. Where the usage is asked for, all others have an empty field for it, as OpenAI's do. */
  chunk(delta: Fields, { finish_reason: reason = null, ...choice }: Fields = {}, more: Fields = {}): Fields {
    const choices = [{ ...choice, index: 0, delta, finish_reason: reason }];
    return { ...this.#head, choices, ...(this.asked.includeUsage && { usage: null }), ...more };
  }

  /** The last chunk, with the usage alone; none where it was not asked for. */
  usage(usage: unknown): Fields[] {
    return this.asked.includeUsage ? [{ ...this.#head, choices: [], usage }] : [];
  }
}
