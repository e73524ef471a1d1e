import { redisKeys } from '#libs/contracts';
import { ModelCatalog } from '#libs/queue';
import { checkRedis, describeRedis, type RedisReport } from '#libs/redis';
import type { Command } from './command.js';

/** `understudy check` */
export const CheckCommand: Command = {
  usage:
    'understudy check                              whether Redis can be trusted with jobs, and whether routers are there',
  examples: '  REDIS_URL=rediss://user:password@cache:6379 understudy check',
  options: {},
  standsAlone: true,
  async run(_typed, place) {
    const { redisUrl, prefix, connection } = place;
    const { problem, report } = await checkRedis(connection, { url: redisUrl, key: redisKeys(prefix).check });
    const models = problem === null ? await new ModelCatalog(place).read() : null;
    const notes = problem === null ? notesOn(report, models, prefix) : [];
    const facts = report ? [factsOf(report)] : [];
    const verdict = problem === null ? `${describeRedis(redisUrl)}: good` : problem;
    return {
      data: { good: problem === null, problem, redis: report ?? null, models, notes },
      text: [verdict, ...facts, ...notes.map((note) => `note: ${note}`)].join('\n'),
      code: problem === null ? 0 : 1,
    };
  },
};

function factsOf({ version, role, maxmemoryPolicy, maxmemory, usedMemory, appendOnly }: RedisReport): string {
  const limit = maxmemory === 0 ? 'no limit' : `of ${mebibytes(maxmemory)}`;
  const memory = `${mebibytes(usedMemory)} in use, ${limit}`;
  return `version ${version}, ${role}, ${maxmemoryPolicy}, ${memory}, appendonly ${appendOnly ? 'yes' : 'no'}`;
}

/** What is no fault by itself, but worth a thought. */
function notesOn(report: RedisReport | undefined, models: string[] | null, prefix: string): string[] {
  const notes: string[] = [];
  if (report && !report.appendOnly)
    notes.push('appendonly is off: a restart of Redis without replicas loses every job (docs/runbook.md)');
  if (models === null)
    notes.push(`no router has announced itself under the prefix ${prefix}: jobs would wait until one does`);
  return notes;
}

const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
