import type { TargetConfig } from '#libs/config';
import type { ListedModel, ModelListing } from '#libs/contracts';
import type { FailedCall, GoodCall, OfferedModel } from '#libs/providers';
import { listedAs } from './listed-as.js';
import { dayOf, shutdownDay } from './shutdown-date.js';

/** A change in what a provider's list says of the model of one target. */
export interface ModelChange extends ListedModel {
  target: string;
  /** A warning: something may have to be done. Otherwise good news. */
  isBad: boolean;
  /** In words. */
  text: string;
}

/** What is taken for true before the first list: most models are listed and have no date. */
const UNREMARKABLE = { listed: true, shutdownAt: null };

/**
 * What there is to learn from a list of models. A list that failed or is empty says nothing about any model, so that what was known stays.
 * @param askedAt epoch milliseconds
 */
export function learn(
  before: ModelListing | null,
  outcome: GoodCall<OfferedModel[]> | FailedCall,
  targets: readonly Pick<TargetConfig, 'id' | 'model'>[],
  askedAt: number,
): { listing: ModelListing; changes: ModelChange[] } {
  const failure = !outcome.ok ? outcome.failure : outcome.answer.length === 0 ? 'empty' : null;
  if (!outcome.ok || failure !== null)
    return { listing: { askedAt, failure, targets: before?.targets ?? {} }, changes: [] };

  const changes: ModelChange[] = [];
  const learned = targets.map(({ id: target, model }): [string, ListedModel] => {
    const known = before?.targets[target];
    // Of a target that was configured anew nothing is known.
    const was = known?.model === model ? known : UNREMARKABLE;
    const offer = listedAs(model, outcome.answer);
    // A model that is listed no more has lost its entry, not its date.
    const shutdownAt = offer ? shutdownDay(offer.shutdownDate) : was.shutdownAt;
    const now = { model, listed: offer !== undefined, shutdownAt };
    const change = changeOf(was, now);
    if (change) changes.push({ target, ...now, ...change });
    return [target, now];
  });
  return { listing: { askedAt, failure, targets: Object.fromEntries(learned) }, changes };
}

function changeOf(was: Omit<ListedModel, 'model'>, { model, listed, shutdownAt }: ListedModel) {
  const bad: string[] = [];
  const good: string[] = [];
  if (was.listed && !listed) bad.push(`${model} is not in its provider's list of models; it is asked as before`);
  if (!was.listed && listed) good.push(`${model} is in its provider's list of models`);
  if (shutdownAt !== was.shutdownAt)
    if (shutdownAt === null) good.push(`its provider gives no date of a shutdown any more`);
    else bad.push(`its provider shuts ${model} down on ${dayOf(shutdownAt)}`);
  if (bad.length + good.length === 0) return null;
  return { isBad: bad.length > 0, text: [...bad, ...good].join('; ') };
}
