/** Characters of all texts of a conversation, pictures included; what a provider has to read before it can answer. */
export function lengthOf(messages: readonly { content?: unknown }[]): number {
  let length = 0;
  for (const { content } of messages) length += textLength(content);
  return length;
}

function textLength(content: unknown): number {
  if (typeof content === 'string') return content.length;
  if (!Array.isArray(content)) return 0;
  return content.reduce(
    (sum: number, part: { text?: unknown }) => sum + (typeof part?.text === 'string' ? part.text.length : 0),
    0,
  );
}
