import type { OfferedModel } from '#libs/providers';

/** What may follow a model's name in its full name: a release, or `latest`. */
const RELEASE = /^[-@:](latest|\d{4}-?\d{2}-?\d{2}|\d{4}|\d{3})$/;

/**
 * The entry of a provider's list that is `model`. Some lists have a path before the name (`models/gemini-…`), and a name without a
 * release may be listed by its releases alone: then the newest counts, which is what such a name leads to.
 */
export function listedAs(model: string, offers: readonly OfferedModel[]): OfferedModel | undefined {
  const name = bare(model);
  const same = offers.find(({ id }) => bare(id) === name);
  if (same) return same;
  const alias = name.replace(/[-:]latest$/, '');
  const releases = offers.filter(({ id }) => bare(id).startsWith(alias) && RELEASE.test(bare(id).slice(alias.length)));
  return releases.toSorted((a, b) => (a.id < b.id ? -1 : 1)).at(-1);
}

const bare = (id: string) => id.replace(/^models\//, '');
