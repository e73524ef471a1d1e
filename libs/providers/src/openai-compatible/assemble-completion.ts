import type { ChatChunk } from '#libs/contracts';
import { mergeFragments } from './merge-fragments.js';

type Fields = Record<string, unknown>;

interface AssembledChoice {
  index: number;
  message: Fields;
  finishReason: string | null;
  /** Everything else that a choice may carry: logprobs, a relay's native reason, filter results. */
  rest: Fields;
}

/** Puts the chunks of a stream together to the completion that the provider would have sent in one piece. */
export class CompletionAssembler {
  readonly #head: Fields = {};
  readonly #choices = new Map<number, AssembledChoice>();

  /** Whether the provider has said of every choice why it ended: from here on nothing is missing but the usage. */
  get isFinished(): boolean {
    if (this.#choices.size === 0) return false;
    for (const { finishReason } of this.#choices.values()) if (finishReason === null) return false;
    return true;
  }

  add(chunk: ChatChunk): void {
    for (const [name, value] of Object.entries(chunk)) {
      // `obfuscation` only pads chunks to one length. Azure's first chunk has an empty id and model.
      if (name === 'choices' || name === 'obfuscation' || name === '__proto__') continue;
      if (value !== null && value !== undefined && value !== '') this.#head[name] = value;
      else this.#head[name] ??= value;
    }
    for (const choice of chunk.choices) this.#addChoice(choice);
  }

  /** The whole answer, in OpenAI's shape. A choice without a reason gets the one that its content stands for. */
  completion(): Fields {
    const choices = [...this.#choices.values()].toSorted((a, b) => a.index - b.index);
    return {
      ...this.#head,
      object: 'chat.completion',
      choices: choices.map(({ index, message, finishReason, rest }) => ({
        ...rest,
        index,
        message: wholeMessage(message),
        finish_reason: finishReason ?? ('tool_calls' in message ? 'tool_calls' : 'stop'),
      })),
    };
  }

  #addChoice({ index, delta, finish_reason: finishReason, ...rest }: ChatChunk['choices'][number]): void {
    const at = typeof index === 'number' ? index : 0;
    let choice = this.#choices.get(at);
    if (!choice) {
      choice = { index: at, message: { role: 'assistant', content: null }, finishReason: null, rest: {} };
      this.#choices.set(at, choice);
    }
    if (typeof delta === 'object' && delta !== null) mergeFragments(choice.message, delta);
    if (typeof finishReason === 'string' && finishReason !== '') choice.finishReason = finishReason;
    const { logprobs, ...others } = rest as Fields;
    // Of these two parts the one is a list that grows with every chunk, the others are facts about the choice.
    if (logprobs !== undefined) mergeFragments(choice.rest, { logprobs });
    Object.assign(choice.rest, others);
  }
}

/** A message in one piece: its tool calls have no index, which exists for streams only. */
function wholeMessage(message: Fields): Fields {
  const calls = message['tool_calls'];
  if (!Array.isArray(calls)) return message;
  return {
    ...message,
    tool_calls: calls.map((call: unknown) => {
      if (typeof call !== 'object' || call === null) return call;
      const { index: _index, ...whole } = call as Fields;
      return whole;
    }),
  };
}
