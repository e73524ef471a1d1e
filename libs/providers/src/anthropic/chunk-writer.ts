import type { ChatChunk, ChatCompletion } from '#libs/contracts';
import type { Content } from './sdk-types.js';
import { thinkingBlock } from './thinking-block.js';

/** Tells what a stream says as OpenAI's chunks. Nothing is told before the answer says something, and then the role comes first. */
export class ChunkWriter {
  #id: string | undefined;
  #model: string | undefined;
  #hasBegun = false;
  /** Place of each tool call among the calls, and whether its arguments have begun. */
  readonly #calls = new Map<string, { index: number; hasArguments: boolean }>();

  /** @param created epoch seconds */
  constructor(
    private readonly created: number,
    private onDelta: ((chunk: ChatChunk) => void) | undefined,
  ) {}

  begin(id: string | undefined, model: string | undefined): void {
    this.#id = id;
    this.#model = model;
  }

  text(delta: string): void {
    if (delta) this.#tell({ content: delta });
  }

  reasoning(delta: string): void {
    if (delta) this.#tell({ reasoning_content: delta });
  }

  thinkingBlock(part: Extract<Content, { type: 'reasoning' }>): void {
    const block = thinkingBlock(part);
    if (block) this.#tell({ thinking_blocks: [block] });
  }

  toolCall(id: string, name: string): void {
    const index = this.#calls.size;
    this.#calls.set(id, { index, hasArguments: false });
    this.#tell({ tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] });
  }

  toolArguments(id: string, delta: string): void {
    const call = this.#calls.get(id);
    if (!call || !delta) return;
    call.hasArguments = true;
    this.#tell({ tool_calls: [{ index: call.index, function: { arguments: delta } }] });
  }

  /** A call without arguments streams none; OpenAI's callers expect an empty object. */
  toolCallEnds(id: string, input: string): void {
    if (this.#calls.get(id)?.hasArguments === false) this.toolArguments(id, input);
  }

  /** @param wantsUsage the caller asked for a last chunk with the usage alone */
  end({ choices, usage }: ChatCompletion, wantsUsage: boolean): void {
    this.#tell({}, choices[0]?.finish_reason ?? null);
    if (wantsUsage) this.#pass({ ...this.#head(), choices: [], usage });
  }

  #tell(delta: Record<string, unknown>, finishReason: string | null = null): void {
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      this.#choice({ role: 'assistant', content: '' }, null);
    }
    this.#choice(delta, finishReason);
  }

  #choice(delta: Record<string, unknown>, finishReason: string | null): void {
    this.#pass({ ...this.#head(), choices: [{ index: 0, delta, finish_reason: finishReason }] });
  }

  /** A listener that breaks hears no more; the provider is not to blame for it, and the answer is still wanted. */
  #pass(chunk: ChatChunk): void {
    try {
      this.onDelta?.(chunk);
    } catch {
      this.onDelta = undefined;
    }
  }

  #head(): Omit<ChatChunk, 'choices'> {
    return { id: this.#id, object: 'chat.completion.chunk', created: this.created, model: this.#model };
  }
}
