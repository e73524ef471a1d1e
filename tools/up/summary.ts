import type { StorySummary } from '../story/story-message.js';

/** The end of the story, for people. */
export function renderSummary(summary: StorySummary): string[] {
  const { sent, answered, failedOver, failed, lost, slowestMs, errors } = summary;
  const codes = Object.entries(errors).map(([code, count]) => `${code} ×${count}`);
  return [
    '',
    `jobs sent      ${sent}`,
    `answered       ${answered}`,
    `failed over    ${failedOver}`,
    `lost           ${lost}`,
    ...(failed > 0 ? [`failed         ${failed}  (${codes.join(', ')})`] : []),
    `slowest        ${Math.round(slowestMs)} ms`,
  ];
}

/** Why the story did not show what it is there to show; undefined when it did. */
export function whatWentWrong({ isStaged, cameBack, lost, failed, failedOver }: StorySummary): string | undefined {
  if (lost > 0) return `${lost} jobs were lost`;
  if (failed > 0) return `${failed} jobs got an error instead of an answer`;
  if (isStaged && failedOver === 0) return 'no job failed over, although a provider was killed';
  if (!cameBack) return 'the revived provider did not get its traffic back';
  return undefined;
}
