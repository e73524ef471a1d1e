import { observationSchema } from '#libs/contracts';
import type { Observation } from '#libs/health-core';

/** Fields of one entry of the stream, as XADD takes them: `observation` (JSON) and `ageMs`, its age when it was added. */
export function toEntry(observation: Observation, now: number): [string, string, string, string] {
  const ageMs = Math.max(0, Math.round(now - observation.at));
  return ['observation', JSON.stringify(observation), 'ageMs', String(ageMs)];
}

/** An entry that is not an observation. */
export interface RejectedEntry {
  /** Id in the stream. */
  entryId: string;
  /** What is wrong with it; never its content. */
  problem: string;
}

/**
 * Reads one entry. The time of the observation becomes `time of arrival − age`, so that all observations are on Redis's
 * clock and those of their makers need not agree.
 */
export function fromEntry(entryId: string, fields: readonly string[]): Observation | RejectedEntry {
  const text = valueOf(fields, 'observation');
  if (text === undefined) return { entryId, problem: 'the field "observation" is missing' };
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { entryId, problem: 'the field "observation" is not JSON' };
  }
  const parsed = observationSchema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return { entryId, problem: `${issue?.path.join('.') || 'observation'}: ${issue?.message}` };
  }
  const observation = parsed.data as Observation;
  const arrivedAt = Number.parseInt(entryId, 10);
  const ageMs = Number(valueOf(fields, 'ageMs') ?? Number.NaN);
  // Without an age its own clock must do, but nothing can have happened after it arrived.
  const at = ageMs >= 0 ? arrivedAt - ageMs : Math.min(observation.at, arrivedAt);
  return { ...observation, at };
}

function valueOf(fields: readonly string[], name: string): string | undefined {
  const i = fields.findIndex((field, index) => index % 2 === 0 && field === name);
  return i === -1 ? undefined : fields[i + 1];
}
