import { CompletionClient } from '#libs/client';
import { loadConfig } from '#libs/config';
import { SnapshotFeed } from '#libs/store';
import { createPaint } from '../system/paint.js';
import { sampleRequest } from '../system/sample-request.js';
import { Tally } from '../traffic/tally.js';
import { ChangeWatch } from './change-watch.js';
import { playOutage } from './staging.js';
import { tell } from './story-message.js';
import { readStoryEnv } from './story.env.js';
import { changesOf, renderBrief, renderTargets } from './targets-table.js';
import { TrafficSource } from './traffic-source.js';

const JOBS_PER_SECOND = 6;
/** Enough to see who answers, little enough to leave running. */
const JOBS_PER_SECOND_AFTERWARDS = 1;
/** Real calls cost money: just enough to see that it works. */
const JOBS_TO_REAL_PROVIDERS = 5;
const FRAME_EVERY_MS = 500;
const BRIEF_EVERY_MS = 5_000;
const LOOK_FOR_CHANGES_EVERY_MS = 1_000;

const env = readStoryEnv();
const { REDIS_URL: redisUrl, UNDERSTUDY_PREFIX: prefix, SIMULATOR_URL: simulatorUrl } = env;
const isInteractive = env.STORY_INTERACTIVE === '1';
const { model, preferred } = sampleRequest(loadConfig(env.UNDERSTUDY_CONFIG, process.env));

const client = new CompletionClient({ redisUrl, prefix });
const feed = new SnapshotFeed({ redisUrl, prefix });
const tally = new Tally();
const traffic = new TrafficSource(client, tally, model);
const paint = createPaint(isInteractive);

let title = `jobs ask for ${model}${preferred ? `, served by ${preferred.id} as long as it is well` : ''}`;
const content = () => ({
  title,
  snapshot: feed.current,
  shares: tally.recentShares(Date.now()),
  figures: tally.figures,
});
const tellFrame = () => tell({ frame: renderTargets(content(), paint) });
const tellBrief = () => tell({ line: renderBrief(content()) });
feed.start();
const frames = setInterval(tellFrame, FRAME_EVERY_MS);
const briefs = isInteractive ? undefined : setInterval(tellBrief, BRIEF_EVERY_MS);

let cameBack = true;
if (simulatorUrl && preferred) {
  traffic.start(JOBS_PER_SECOND);
  cameBack = await playOutage({ simulatorUrl, provider: preferred.provider, target: preferred.id, tally });
} else {
  tell({ line: `real providers: ${JOBS_TO_REAL_PROVIDERS} jobs are sent, and nothing is killed` });
  for (let i = 0; i < JOBS_TO_REAL_PROVIDERS; i++) traffic.sendOne();
}
await traffic.finish();
clearInterval(briefs);
tellFrame();
tell({ summary: { ...tally.figures, isStaged: Boolean(simulatorUrl), cameBack } });

if (env.STORY_STAYS === '1') {
  // Until this process is ended.
  if (simulatorUrl) {
    traffic.start(JOBS_PER_SECOND_AFTERWARDS);
    title = `${JOBS_PER_SECOND_AFTERWARDS} job a second goes on asking for ${model}: kill a provider and watch`;
  } else {
    title = 'health of the targets, by pings alone';
  }
  const watch = new ChangeWatch();
  watch.isWorthALine(changesOf(content()), performance.now());
  if (!isInteractive)
    setInterval(() => {
      if (watch.isWorthALine(changesOf(content()), performance.now())) tellBrief();
    }, LOOK_FOR_CHANGES_EVERY_MS);
} else {
  clearInterval(frames);
  await Promise.all([client.close(), feed.close()]);
}
