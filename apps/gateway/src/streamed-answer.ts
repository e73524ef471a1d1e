import { type CompletionResult, UnderstudyError } from '#libs/contracts';
import type { StreamEvent } from '#libs/client';
import { ChunkHead } from './chunk-head.js';
import { SentMessage } from './sent-message.js';
import { inPieces } from './text-pieces.js';

type Fields = Record<string, unknown>;
type EventOf<T extends StreamEvent['type']> = Extract<StreamEvent, { type: T }>;

/**
 * Turns what happens to a job into the chunks that its caller is sent, in OpenAI's shape. Where an answer breaks off and another target
 * begins anew, nothing is sent until the new answer has said all that was sent, and then it goes on from there. The result has the last word:
 * what of it was not sent is sent at the end.
 */
export class StreamedAnswer {
  readonly #head: ChunkHead;
  #sent = new SentMessage();
  #hasRole = false;
  /** What a new attempt has said so far of what was sent already; undefined while nothing has to be caught up with. */
  #again: string | undefined;

  constructor(private readonly asked: ConstructorParameters<typeof ChunkHead>[0]) {
    this.#head = new ChunkHead(asked);
  }

  /** Whether another target's answer is to go on with what was sent, and has not yet. */
  get isCatchingUp(): boolean {
    return this.#again !== undefined;
  }

  /** @throws UnderstudyError `stream_interrupted` when the answer cannot go on with what was sent */
  chunk({ chunk }: EventOf<'chunk'>): Fields[] {
    const [choice] = chunk.choices;
    if (!choice) return [];
    const { delta: whole, index: _, finish_reason: __, ...facts } = choice;
    const { role: ___, ...said } = whole;
    const delta = this.#again === undefined ? said : this.#catchUp(said);
    if (!delta || !says(delta)) return [];
    this.#head.begin(chunk);
    this.#sent.add(delta);
    return [...this.#role(), this.#head.chunk(delta, facts)];
  }

  /** @throws UnderstudyError `stream_interrupted` when no other answer could go on with what was sent */
  restarted({ reason }: EventOf<'restarted'>): Fields[] {
    if (this.#sent.isEmpty) return [];
    if (!this.#sent.isPlainText)
      throw this.#interrupted(`it broke off (${reason}) in what only its own target could go on with`);
    this.#again = '';
    return [];
  }

  /** @throws UnderstudyError `stream_interrupted` when the whole answer does not begin with what was sent */
  completed({ result }: EventOf<'completed'>): Iterable<Fields> {
    this.#head.begin(result);
    const rest = this.#sent.restOf((result.choices[0]?.['message'] ?? {}) as Fields);
    if (!rest) throw this.#interrupted('the whole answer is another than what was sent of it');
    const isUnsaid = this.#sent.isEmpty;
    // The result has all of it: one of the two is enough while the caller takes its time.
    this.#sent = new SentMessage();
    return this.#end(result, rest, isUnsaid);
  }

  /** Made one by one: of an answer that was not sent before, these are thousands. */
  *#end(result: CompletionResult, rest: readonly Fields[], isUnsaid: boolean): Generator<Fields, undefined> {
    const { message: _, finish_reason: reason, index: __, ...facts } = result.choices[0] as Fields;
    // Facts about the whole, such as the log probabilities, come once.
    let unsaid = isUnsaid ? facts : {};
    yield* this.#role();
    for (const delta of rest)
      for (const piece of inPieces(delta)) {
        yield this.#head.chunk(piece, unsaid);
        unsaid = {};
      }
    yield this.#head.chunk({}, { finish_reason: reason ?? 'stop' }, { understudy: result.understudy });
    yield* this.#head.usage(usageOf(result));
  }

  #role(): Fields[] {
    if (this.#hasRole) return [];
    this.#hasRole = true;
    return [this.#head.chunk({ role: 'assistant', content: '' })];
  }

  /** What a new answer says beyond what was sent; undefined while it has not said all of that. */
  #catchUp(said: Fields): Fields | undefined {
    const { content: sent } = this.#sent;
    const { content, ...others } = said;
    const again = this.#again + (typeof content === 'string' ? content : '');
    const isElsewhere = !sent.startsWith(again) && !again.startsWith(sent);
    // Thoughts before the text are no part of it; calls instead of it are another answer.
    if (isElsewhere || (again.length < sent.length && others['tool_calls']))
      throw this.#interrupted('another target began anew with another answer');
    this.#again = again;
    if (again.length < sent.length) return undefined;
    this.#again = undefined;
    return { content: again.slice(sent.length), ...('tool_calls' in others && { tool_calls: others['tool_calls'] }) };
  }

  #interrupted(why: string): UnderstudyError {
    const { jobId } = this.asked;
    return new UnderstudyError(
      'stream_interrupted',
      `The answer cannot go on with what was sent: ${why}. The whole answer can be fetched: GET /v1/jobs/${jobId}`,
      { jobId },
    );
  }
}

const says = (delta: Fields) =>
  Object.values(delta).some((value) => value !== null && value !== undefined && value !== '');

/** As the provider told it; from what we counted, where it did not. */
function usageOf({ usage, understudy }: CompletionResult): unknown {
  if (usage || !understudy.usage) return usage ?? null;
  const { inputTokens, outputTokens } = understudy.usage;
  return { prompt_tokens: inputTokens, completion_tokens: outputTokens, total_tokens: inputTokens + outputTokens };
}
