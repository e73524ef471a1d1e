/** A part of a streamed answer, in OpenAI's shape: an object `chat.completion.chunk`. */
export interface ChatChunk {
  id?: string | undefined;
  model?: string | undefined;
  created?: number | undefined;
  choices: { index: number; delta: Record<string, unknown>; finish_reason?: string | null; [field: string]: unknown }[];
  [field: string]: unknown;
}
