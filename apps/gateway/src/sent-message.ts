import { isDeepStrictEqual } from 'node:util';

type Fields = Record<string, unknown>;

/** A tool call, or its older form, as far as it was sent. */
interface SentCall {
  id: string;
  name: string;
  arguments: string;
}

/** How much of a message a caller has been sent, and what of the whole message is missing. */
export class SentMessage {
  /** Texts by field: content, refusal, reasoning. */
  readonly #texts = new Map<string, string>();
  /** Lengths of lists by field: they only grow. */
  readonly #lists = new Map<string, number>();
  readonly #calls: SentCall[] = [];
  /** Fields that were sent and are neither. */
  readonly #others = new Set<string>();

  get isEmpty(): boolean {
    return this.#texts.size + this.#lists.size + this.#calls.length + this.#others.size === 0;
  }

  /** Nothing but content, as text: the only thing that the answer of another target can go on with. */
  get isPlainText(): boolean {
    const { size } = this.#texts;
    return (
      this.#lists.size + this.#calls.length + this.#others.size === 0 && size === Number(this.#texts.has('content'))
    );
  }

  get content(): string {
    return this.#texts.get('content') ?? '';
  }

  add(delta: Fields): void {
    for (const [field, value] of Object.entries(delta)) {
      if (field === 'role' || value === null || value === undefined || value === '') continue;
      if (typeof value === 'string') this.#texts.set(field, (this.#texts.get(field) ?? '') + value);
      else if (field === 'tool_calls' && Array.isArray(value)) for (const call of value) this.#addCall(call as Fields);
      else if (Array.isArray(value)) this.#lists.set(field, (this.#lists.get(field) ?? 0) + value.length);
      else this.#others.add(field);
    }
  }

  /** The deltas that make the whole message of what was sent; null when it does not begin with that. */
  restOf(message: Fields): Fields[] | null {
    const rest: Fields[] = [];
    for (const [field, sent] of this.#texts) {
      const whole = message[field];
      if (typeof whole === 'string' && whole.startsWith(sent)) continue;
      // A refusal that was streamed as content.
      if (field !== 'content' || message['refusal'] !== sent) return null;
    }
    if (this.#calls.length > listOf(message['tool_calls']).length) return null;
    for (const [field, value] of Object.entries(message)) {
      if (field === 'role' || value === null || value === undefined || this.#others.has(field)) continue;
      if (field === 'refusal' && value === this.content && this.content !== '') continue;
      if (typeof value === 'string') rest.push(...textDelta(field, value.slice(this.#texts.get(field)?.length ?? 0)));
      else if (field === 'tool_calls') {
        const calls = this.#restOfCalls(listOf(value));
        if (calls === null) return null;
        rest.push(...calls);
      } else if (!Array.isArray(value)) rest.push({ [field]: value });
      else if (value.length > (this.#lists.get(field) ?? 0))
        rest.push({ [field]: value.slice(this.#lists.get(field)) });
    }
    return rest;
  }

  #addCall(said: Fields): void {
    const { index, id } = said;
    const at = typeof index === 'number' && index >= 0 && index <= this.#calls.length ? index : this.#calls.length;
    const call = (this.#calls[at] ??= { id: '', name: '', arguments: '' });
    const { name, text } = calledIn(said);
    if (typeof id === 'string') call.id = id;
    if (typeof name === 'string') call.name ||= name;
    if (typeof text === 'string') call.arguments += text;
  }

  #restOfCalls(calls: readonly Fields[]): Fields[] | null {
    const rest: Fields[] = [];
    for (const [index, call] of calls.entries()) {
      const sent = this.#calls[index];
      const { name, text, kind, field } = calledIn(call);
      const whole = typeof text === 'string' ? text : '';
      if (!sent) {
        rest.push({ tool_calls: [{ ...call, index }] });
        continue;
      }
      if (sent.name !== name || (sent.id !== '' && sent.id !== call['id'])) return null;
      if (isSameJson(sent.arguments, whole)) continue;
      if (!whole.startsWith(sent.arguments)) return null;
      rest.push({ tool_calls: [{ index, [kind]: { [field]: whole.slice(sent.arguments.length) } }] });
    }
    return rest;
  }
}

/** What a call names and hands over: a function its arguments, a custom tool its input. */
function calledIn({ function: called, custom }: Fields) {
  const isCustom = called === undefined && custom !== undefined;
  const [kind, field] = isCustom ? (['custom', 'input'] as const) : (['function', 'arguments'] as const);
  const { name, [field]: text } = ((isCustom ? custom : called) ?? {}) as Fields;
  return { kind, field, name, text };
}

const textDelta = (field: string, text: string): Fields[] => (text === '' ? [] : [{ [field]: text }]);

const listOf = (value: unknown): Fields[] => (Array.isArray(value) ? (value as Fields[]) : []);

/** An adapter may have written the arguments anew. */
function isSameJson(one: string, other: string): boolean {
  if (one === other) return true;
  try {
    return isDeepStrictEqual(JSON.parse(one), JSON.parse(other));
  } catch {
    return false;
  }
}
