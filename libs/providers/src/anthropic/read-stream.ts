import { AnswerError } from '../answer-error.js';
import type { Answer } from './chat-completion.js';
import type { ChunkWriter } from './chunk-writer.js';
import type { Content, SdkWarning, StreamPart } from './sdk-types.js';

type Growing = Extract<Content, { type: 'text' | 'reasoning' }>;

/** Who hears what the stream says. */
export interface StreamListener {
  chunks: ChunkWriter;
  /** The answer said something: that many characters. */
  progressed: (chars: number) => void;
}

/**
 * Reads a stream to its end.
 * @throws AnswerError for a stream that ends early or breaks the format, or what the stream threw
 */
export async function readStream(
  stream: ReadableStream<StreamPart>,
  { chunks, progressed }: StreamListener,
): Promise<{ answer: Answer; warnings: readonly SdkWarning[] }> {
  const content: Content[] = [];
  const growing = new Map<string, Growing>();
  let id: string | undefined;
  let model: string | undefined;
  let warnings: readonly SdkWarning[] = [];

  const begin = (key: string, part: Growing) => {
    growing.set(key, part);
    content.push(part);
  };
  const grow = (key: string, delta: string) => {
    const part = growing.get(key);
    if (part) part.text += delta;
    if (delta) progressed(delta.length);
  };

  for await (const part of stream) {
    switch (part.type) {
      case 'stream-start':
        ({ warnings } = part);
        break;
      case 'response-metadata':
        ({ id, modelId: model } = part);
        chunks.begin(id, model);
        break;
      case 'text-start':
        begin(`text ${part.id}`, { type: 'text', text: '' });
        break;
      case 'text-delta':
        grow(`text ${part.id}`, part.delta);
        chunks.text(part.delta);
        break;
      case 'reasoning-start':
        begin(`reasoning ${part.id}`, { type: 'reasoning', text: '', providerMetadata: part.providerMetadata ?? {} });
        break;
      case 'reasoning-delta': {
        grow(`reasoning ${part.id}`, part.delta);
        chunks.reasoning(part.delta);
        const block = growing.get(`reasoning ${part.id}`);
        // The signature comes as a last delta without text.
        if (block && part.providerMetadata) block.providerMetadata = part.providerMetadata;
        break;
      }
      case 'reasoning-end': {
        const block = growing.get(`reasoning ${part.id}`);
        if (block?.type === 'reasoning') chunks.thinkingBlock(block);
        break;
      }
      case 'tool-input-start':
        progressed(part.toolName.length);
        chunks.toolCall(part.id, part.toolName);
        break;
      case 'tool-input-delta':
        progressed(part.delta.length);
        chunks.toolArguments(part.id, part.delta);
        break;
      case 'tool-call':
        content.push(part);
        chunks.toolCallEnds(part.toolCallId, part.input);
        break;
      case 'finish': {
        const { finishReason, usage, providerMetadata: metadata } = part;
        return { answer: { id, model, content, finishReason, usage, metadata }, warnings };
      }
      case 'error':
        throw new AnswerError('bad_response', 'the stream holds an event that breaks the format');
      // Ends of parts, and parts of tools that the provider runs itself: nothing of an OpenAI answer.
      case 'text-end':
      case 'tool-input-end':
      case 'tool-result':
      case 'tool-approval-request':
      case 'source':
      case 'file':
      case 'raw':
        break;
    }
  }
  throw new AnswerError('bad_response', 'the stream ended before the message did');
}
