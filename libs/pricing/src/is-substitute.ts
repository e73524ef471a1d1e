/**
 * Whether a provider answered with another model than it was asked for: `gpt-4o-2024-08-06` for `gpt-4o` is the same model
 * by its full name, `gemini-3.5-flash-lite` for `gemini-2.5-flash` is not.
 */
export function isSubstitute(asked: string, served: string): boolean {
  return bareName(asked) !== bareName(served);
}

/** Without a path (`models/`, a vendor), a date, a version number of the release, and `latest`. */
const bareName = (model: string): string =>
  model
    .toLowerCase()
    .replace(/^.*\//, '')
    .replace(/[-@:](latest|\d{4}-?\d{2}-?\d{2}|\d{4}|v\d+|\d{3})$/, '');
