/** What a text in Redis says; null when it says nothing, or is no JSON: anybody can write into a queue. */
export function readJson(text: string | null | undefined): unknown {
  try {
    return JSON.parse(text ?? 'null');
  } catch {
    return null;
  }
}
