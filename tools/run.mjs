// Entry of every command of package.json: makes a fresh clone runnable, then runs the command. It runs before anything is installed or
// built, hence plain JavaScript and nothing but Node.
//   node tools/run.mjs <up|replay|outages|soak|test> [arguments]
//   node tools/run.mjs --help
import process from 'node:process';

const OLDEST_NODE = [20, 19];

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])) {
  console.error(
    `Understudy needs Node ${OLDEST_NODE.join('.')} or newer; this is ${process.versions.node}. See https://nodejs.org/en/download`,
  );
  process.exit(1);
}

// Only now: an older Node may not even be able to read the rest.
const { main } = await import('./bootstrap/main.mjs');
await main(process.argv.slice(2));
