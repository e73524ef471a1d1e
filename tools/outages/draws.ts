/**
 * A uniform number in (0, 1) that follows from its arguments alone. Two policies that make the same call for the same job meet the
 * same luck, so what differs between their figures is what they decided.
 */
export function drawAt(seed: number, a: number, b: number, c: number): number {
  let bits = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b);
  bits = mixIn(bits, a);
  bits = mixIn(bits, b);
  bits = mixIn(bits, c);
  bits = Math.imul(bits ^ (bits >>> 16), 0x7feb352d);
  bits = Math.imul(bits ^ (bits >>> 15), 0x846ca68b);
  return ((bits ^ (bits >>> 16)) >>> 0) / 2 ** 32 + 2 ** -33;
}

function mixIn(bits: number, value: number): number {
  const mixed = Math.imul(bits ^ value, 0xcc9e2d51);
  return Math.imul(mixed ^ (mixed >>> 15), 0x1b873593) ^ (mixed >>> 13);
}

/** A sequence of uniform numbers in [0, 1); the same seed gives the same sequence. */
export function drawSequence(seed: number): () => number {
  let n = 0;
  return () => drawAt(seed, n++, 0x5eed, 0);
}

/** A normal number (mean 0, deviation 1) from two uniform ones in (0, 1). */
export function normalOf(first: number, second: number): number {
  return Math.sqrt(-2 * Math.log(first)) * Math.cos(2 * Math.PI * second);
}
