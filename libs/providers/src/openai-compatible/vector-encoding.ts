const FLOAT_BYTES = 4;

/** Decoders skip what is none. */
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** The numbers of a vector, plain or in base64; undefined when it is empty, cut, or holds what is no number. */
export function numbersOf(embedding: unknown): ArrayLike<number> | undefined {
  const numbers = typeof embedding === 'string' ? decode(embedding) : listOf(embedding);
  return numbers && numbers.length > 0 && numbers.every(isFloat) ? numbers : undefined;
}

/** The vector as it was asked for; as the provider wrote it, where that is the same. */
export function inEncoding(
  embedding: number[] | string,
  numbers: ArrayLike<number>,
  encoding: 'float' | 'base64',
): number[] | string {
  if (encoding === 'base64') return typeof embedding === 'string' ? embedding : encode(numbers);
  return typeof embedding === 'string' ? Array.from(numbers) : embedding;
}

/** Base64 carries 32 bits: what is too large for them would arrive as infinity. */
const isFloat = (value: unknown): boolean => Number.isFinite(value) && Number.isFinite(Math.fround(value as number));

const listOf = (value: unknown): number[] | undefined => (Array.isArray(value) ? value : undefined);

function decode(text: string): Float32Array | undefined {
  if (text.length % 4 !== 0 || !BASE64.test(text)) return undefined;
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length % FLOAT_BYTES !== 0) return undefined;
  // A copy: what is decoded may begin at any byte of a shared block.
  return new Float32Array(Uint8Array.from(bytes).buffer);
}

function encode(numbers: ArrayLike<number>): string {
  return Buffer.from(Float32Array.from(numbers).buffer).toString('base64');
}
