import { readFileSync } from 'node:fs';
import { LineCounter, parseDocument } from 'yaml';
import { ConfigError, type ConfigProblem } from './config-error.js';
import { interpolate } from './interpolate.js';
import { resolveReferences } from './resolve.js';
import { understudyFileSchema, type UnderstudyConfig } from './understudy-config.js';
import { problemsOf } from './zod-problems.js';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads and checks a configuration file.
 * @throws ConfigError that lists every problem
 */
export function loadConfig(path: string, env: Environment = process.env): UnderstudyConfig {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const reason =
      (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : (error as Error).message;
    throw new ConfigError(path, [{ path: '', message: `${reason}; UNDERSTUDY_CONFIG names the file to use` }]);
  }
  return parseConfig(text, env, path);
}

/**
 * Checks the text of a configuration file.
 * @param source name of the file, for the error
 * @throws ConfigError that lists every problem
 */
export function parseConfig(text: string, env: Environment, source = 'configuration'): UnderstudyConfig {
  const { value, problems } = interpolate(parseYaml(text, source), env);
  const parsed = understudyFileSchema.safeParse(value);
  // A field that is empty because its variable is missing is told once, with the name of the variable.
  const told = new Set(problems.map((problem) => problem.path));
  if (!parsed.success) {
    const others = problemsOf(parsed.error).filter((problem) => !told.has(problem.path));
    throw new ConfigError(source, [...problems, ...others]);
  }
  const { config, problems: dangling }: { config: UnderstudyConfig; problems: ConfigProblem[] } = resolveReferences(
    parsed.data,
  );
  if (problems.length + dangling.length > 0) throw new ConfigError(source, [...problems, ...dangling]);
  return config;
}

/** After the first few, the mistakes of a parser are consequences of each other. */
const MAX_SYNTAX_PROBLEMS = 3;

function parseYaml(text: string, source: string): unknown {
  const syntaxError = (message: string) => ({ path: '', message: `is not YAML: ${message}` });
  // Not prettyErrors: they quote the line, and a key may stand in it.
  const lines = new LineCounter();
  const document = parseDocument(text, { prettyErrors: false, lineCounter: lines });
  if (document.errors.length > 0) {
    const bare = lineWithBareReference(text);
    if (bare !== undefined)
      throw new ConfigError(source, [
        syntaxError(`inside { … } a reference stands in quotes, '\${NAME}'; see line ${bare}`),
      ]);
    const problems = document.errors.slice(0, MAX_SYNTAX_PROBLEMS).map(({ message, pos }) => {
      const { line, col } = lines.linePos(pos[0]);
      return syntaxError(`${message} at line ${line}, column ${col}`);
    });
    throw new ConfigError(source, problems);
  }
  try {
    const value: unknown = document.toJS();
    // An anchor can hold itself; everything after this walks the tree.
    JSON.stringify(value);
    return value;
  } catch (error) {
    throw new ConfigError(source, [syntaxError((error as Error).message.split('\n')[0] ?? '')]);
  }
}

/** Number of the first line that holds `{ … ${NAME} … }` without quotes: for YAML its brace opens another map. */
function lineWithBareReference(text: string): number | undefined {
  const at = text.split('\n').findIndex((line) => /^[^#]*\{.*[:,[]\s*\$\{/.test(line));
  return at < 0 ? undefined : at + 1;
}
