import type { AlertRequest, Channel } from './channel.js';

const LONGEST_TEXT = 3_000;

/** A Slack incoming webhook. Its URL is the secret. */
export function slack(name: string, { url }: { url: string }): Channel {
  return {
    name,
    requestFor({ status, severity, summary }, source): AlertRequest {
      const head = status === 'resolved' ? 'RESOLVED' : severity.toUpperCase();
      const text = `[${head}] ${summary} (${source})`.slice(0, LONGEST_TEXT);
      // Slack reads these three as markup.
      const plain = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
      return { url, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ text: plain }) };
    },
  };
}
