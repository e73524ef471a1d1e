import { writeFile } from 'node:fs/promises';
import { listenForStopRequest } from '../system/stop-request.js';
import { readOptions, SoakInputError } from './options.js';
import { isClean, renderReport } from './report.js';
import { runSoak } from './run-soak.js';

try {
  const options = readOptions(process.argv.slice(2));
  const report = await runSoak(options, { onProgress: (line) => console.log(line), signal: listenForStopRequest() });
  for (const line of renderReport(report)) console.log(line);
  if (options.jsonFile) await writeFile(options.jsonFile, `${JSON.stringify(report, undefined, 2)}\n`);
  process.exit(isClean(report) ? 0 : 1);
} catch (error) {
  console.error(error instanceof SoakInputError ? error.message : error);
  process.exit(1);
}
