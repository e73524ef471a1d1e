import { CompletionClient } from '#libs/client';
import { loadConfig } from '#libs/config';
import { SnapshotFeed } from '#libs/store';
import { createPaint } from '../system/paint.js';
import { Tally } from '../traffic/tally.js';
import { playOutage } from './staging.js';
import { tell } from './story-message.js';
import { readStoryEnv } from './story.env.js';
import { renderBrief, renderTargets } from './targets-table.js';
import { TrafficSource } from './traffic-source.js';

const JOBS_PER_SECOND = 6;
/** Real calls cost money: just enough to see that it works. */
const JOBS_TO_REAL_PROVIDERS = 5;
const FRAME_EVERY_MS = 500;
const BRIEF_EVERY_MS = 5_000;

const env = readStoryEnv();
const { REDIS_URL: redisUrl, UNDERSTUDY_PREFIX: prefix } = env;
const config = loadConfig(env.UNDERSTUDY_CONFIG, process.env);
// The sample's "gpt-4", or whatever the first target of another configuration serves.
const model = config.routes.has('gpt-4') ? 'gpt-4' : (config.targets[0]?.serves[0] ?? 'auto');
const preferred = config.targets.find(({ id }) => id === config.routes.get(model)?.targets[0]);

const client = new CompletionClient({ redisUrl, prefix });
const feed = new SnapshotFeed({ redisUrl, prefix });
const tally = new Tally();
const traffic = new TrafficSource(client, tally, model);
const paint = createPaint(env.STORY_INTERACTIVE === '1');

const content = () => ({
  title: `jobs ask for ${model}${preferred ? `, served by ${preferred.id} as long as it is well` : ''}`,
  snapshot: feed.current,
  shares: tally.recentShares(Date.now()),
  figures: tally.figures,
});
feed.start();
const frames = setInterval(() => tell({ frame: renderTargets(content(), paint) }), FRAME_EVERY_MS);
const briefs =
  env.STORY_INTERACTIVE === '1' ? undefined : setInterval(() => tell({ line: renderBrief(content()) }), BRIEF_EVERY_MS);

let cameBack = true;
const { SIMULATOR_URL: simulatorUrl } = env;
if (simulatorUrl && preferred) {
  traffic.start(JOBS_PER_SECOND);
  cameBack = await playOutage({ simulatorUrl, provider: preferred.provider, target: preferred.id, tally });
} else {
  tell({ line: `real providers: ${JOBS_TO_REAL_PROVIDERS} jobs are sent, and nothing is killed` });
  for (let i = 0; i < JOBS_TO_REAL_PROVIDERS; i++) traffic.sendOne();
}
await traffic.finish();
clearInterval(frames);
clearInterval(briefs);
tell({ frame: renderTargets(content(), paint) });
tell({ summary: { ...tally.figures, isStaged: Boolean(simulatorUrl), cameBack } });
await Promise.all([client.close(), feed.close()]);
