import { ERROR_CODES } from '#libs/contracts';
import { type DeadLetter, type DeadLetterFilter, DeadLetters, isFiltering } from '#libs/queue';
import { durationOf, textOf, wholeNumberOf } from './arguments.js';
import { renderAttempts } from './attempts-table.js';
import { type Answer, type Command, type Typed, UsageError } from './command.js';
import { renderTable, renderTime, shorten } from './table.js';

const text = { type: 'string' } as const;

/** `understudy dead-letters …` */
export const DeadLettersCommand: Command = {
  usage: `understudy dead-letters list                  jobs that failed for good, the newest first
understudy dead-letters show ID               one of them: why, and every attempt; --payload for what was asked
understudy dead-letters replay ID…|--all      enqueue them anew, under their own ids
understudy dead-letters purge ID…|--all       forget them
    --code C --model M --tenant T --older-than 7d     only those (list, --all); list: --limit 50 --from 0`,
  examples: `  understudy dead-letters list --code all_targets_failed --tenant shop
  understudy dead-letters show 5d2f… --payload
  understudy dead-letters replay --all --model gpt-4
  understudy dead-letters purge --all --older-than 7d`,
  options: {
    all: { type: 'boolean' },
    payload: { type: 'boolean' },
    code: text,
    model: text,
    tenant: text,
    'older-than': text,
    limit: text,
    from: text,
  },
  async run(typed, place) {
    const [what, ...ids] = typed.words;
    const act = ACTIONS[what ?? ''];
    if (!act) throw new UsageError(`say what to do with dead letters: ${Object.keys(ACTIONS).join(', ')}`);
    const letters = new DeadLetters(place);
    try {
      return await act(letters, ids, typed.options);
    } finally {
      await letters.close();
    }
  },
};

type Action = (letters: DeadLetters, ids: string[], options: Typed['options']) => Promise<Answer>;

const ACTIONS: Readonly<Record<string, Action>> = {
  list: async (letters, ids, options) => {
    if (ids.length > 0) throw new UsageError('list takes no ids; `show ID` shows one');
    const limit = wholeNumberOf('limit', options['limit'], 1) ?? 50;
    const from = wholeNumberOf('from', options['from'], 0) ?? 0;
    const filter = filterOf(options);
    const page = await letters.list({ limit, from, filter });
    const more = page.next === null ? '' : `\nmore: --from ${page.next}`;
    const matching = isFiltering(filter) ? ` of ${page.total} that match` : '';
    const summary = `${page.letters.length} shown${matching}, ${page.all} in all${more}`;
    return { data: page, text: page.letters.length === 0 ? summary : `${renderLetters(page.letters)}\n${summary}` };
  },
  show: async (letters, ids, options) => {
    const [id, ...more] = ids;
    if (id === undefined || more.length > 0) throw new UsageError('show takes one id');
    const letter = await letters.show(id);
    const payload = options['payload'] ? { payload: await letters.payload(id) } : {};
    const asked = 'payload' in payload ? `\n\npayload:\n${JSON.stringify(payload.payload, null, 2)}` : '';
    return { data: { ...letter, ...payload }, text: renderLetter(letter) + asked };
  },
  replay: (letters, ids, options) =>
    each(
      'replayed',
      ids,
      options,
      (id) => letters.replay(id),
      (filter) => letters.replayAll(filter),
    ),
  purge: (letters, ids, options) =>
    each(
      'purged',
      ids,
      options,
      (id) => letters.purge(id),
      (filter) => letters.purgeAll(filter),
    ),
};

/** Does it to those that are named, or to all that are meant. */
async function each(
  done: string,
  ids: string[],
  options: Typed['options'],
  one: (id: string) => Promise<void>,
  all: (filter: DeadLetterFilter) => Promise<number>,
): Promise<Answer> {
  const filter = filterOf(options);
  if (options['all'] ? ids.length > 0 : ids.length === 0) throw new UsageError('name the ids, or say --all');
  if (!options['all'] && isFiltering(filter)) throw new UsageError('a filter goes with --all, not with ids');
  if (!options['all']) for (const id of ids) await one(id);
  const count = options['all'] ? await all(filter) : ids.length;
  return { data: { [done]: count }, text: `${count} ${done}` };
}

function filterOf(options: Typed['options']): DeadLetterFilter {
  const code = textOf(options['code']);
  if (code !== undefined && !ERROR_CODES.some((known) => known === code))
    throw new UsageError(`--code: there is no error code "${code}"; there are ${ERROR_CODES.join(', ')}`);
  const olderThanMs = durationOf('older-than', options['older-than']);
  return { code, model: textOf(options['model']), tenant: textOf(options['tenant']), olderThanMs };
}

function renderLetters(letters: readonly DeadLetter[]): string {
  const rows = letters.map(({ id, code, model, tenant, attempts, failedAt, reason }) => [
    renderTime(failedAt),
    id,
    code,
    model ?? '-',
    tenant ?? '-',
    String(attempts.at(-1)?.number ?? 0),
    shorten(reason, 60),
  ]);
  return renderTable(['failed at', 'id', 'code', 'model', 'tenant', 'attempts', 'reason'], rows, [5]);
}

function renderLetter(letter: DeadLetter): string {
  const facts: [string, string][] = [
    ['id', letter.id],
    ['code', letter.code],
    ['reason', letter.reason],
    ['model', letter.model ?? '-'],
    ['tenant', letter.tenant ?? '-'],
    ['key', letter.idempotencyKey ?? '-'],
    ['enqueued', renderTime(letter.enqueuedAt)],
    ['failed', renderTime(letter.failedAt)],
    ['runs', String(letter.runs)],
  ];
  const lines = facts.map(([name, value]) => `${name.padEnd(9)} ${value}`);
  return `${lines.join('\n')}\n\n${renderAttempts(letter.attempts)}`;
}
