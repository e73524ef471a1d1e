const MASK = '[redacted]';

/** Bounded: these patterns see what providers and callers wrote, and must take time in proportion to it. */
const SECRET_NAME = String.raw`[\w-]{0,40}(?:authorization|api[-_]?key|password|passwd|secret|cookie|(?:access|auth|bearer|refresh)[-_]?token)`;

const MASKS: readonly (readonly [RegExp, string])[] = [
  // "authorization":"…", "apiKey":"…", "set-cookie":["…"]: a field by its name, at any depth.
  [new RegExp(String.raw`("${SECRET_NAME}"\s*:\s*)(?:"(?:[^"\\]|\\.)*"|\[[^\]]*\])`, 'gi'), `$1"${MASK}"`],
  // The same inside a text that holds JSON.
  [new RegExp(String.raw`(\\"${SECRET_NAME}\\"\s*:\s*)\\"[^"\\]*\\"`, 'gi'), String.raw`$1\"${MASK}\"`],
  // redis://user:password@host, and any other URL with credentials.
  [/(:\/\/)[^\s"'\\/@]*@/g, `$1${MASK}@`],
  [/\b(bearer\s+)[\w.~+/=-]{12,}/gi, `$1${MASK}`],
  [/\bsk-[\w-]{12,}/g, MASK],
];

/**
 * Takes secrets out of one finished log line. It works on the text, because an error of a library carries them in places that no
 * list of paths knows: in messages, stacks, causes and nested options.
 */
export function redact(line: string): string {
  return MASKS.reduce((text, [pattern, mask]) => text.replace(pattern, mask), line);
}
