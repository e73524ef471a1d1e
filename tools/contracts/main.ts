import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { contractSchemas } from './contract-schemas.js';

/** Writes the JSON Schemas for other languages. */
const FOLDER = 'docs/contracts';

await mkdir(FOLDER, { recursive: true });
for (const [file, text] of contractSchemas()) {
  await writeFile(join(FOLDER, file), text);
  console.log(join(FOLDER, file));
}
