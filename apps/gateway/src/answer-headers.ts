import { countAttempts, type JobResult } from '#libs/contracts';

/** By which an answer can be fetched later. */
export const JOB_ID_HEADER = 'x-understudy-job-id';

/** What is known of an answer when its headers leave. */
export interface AnswerFacts {
  jobId?: string | undefined;
  target?: string | undefined;
  /** The model that the provider says it used. */
  model?: string | undefined;
  attempts?: number | undefined;
}

/** Headers that name who answers, and by which id the answer can be fetched. */
export function answerHeaders({ jobId, target, model, attempts }: AnswerFacts): Record<string, string> {
  return {
    ...(jobId !== undefined && { [JOB_ID_HEADER]: headerSafe(jobId) }),
    ...(target !== undefined && { 'x-understudy-target': headerSafe(target) }),
    ...(model !== undefined && { 'x-understudy-model': headerSafe(model) }),
    ...(attempts !== undefined && { 'x-understudy-attempts': String(attempts) }),
  };
}

export function factsOf({ model, understudy }: JobResult): AnswerFacts {
  const { jobId, target, attempts, servedModel = model ?? undefined } = understudy;
  return { jobId, target, model: servedModel, attempts: countAttempts(attempts) };
}

/** A header holds ASCII only; a target may be called anything, and a job may be asked for by any id. Half a character is none. */
const headerSafe = (text: string) =>
  /^[\x20-\x7e]*$/.test(text) ? text : encodeURIComponent(Buffer.from(text).toString());
