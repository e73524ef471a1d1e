import { buildClientPackage } from './build-client-package.js';

/** Makes the package of the client, ready for `npm pack` or `npm publish`. */
const FOLDER = 'dist/packages/client';

await buildClientPackage(FOLDER);
console.log(`@understudy/client is in ${FOLDER}`);
