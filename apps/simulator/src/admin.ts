import type { IncomingMessage, ServerResponse } from 'node:http';
import { AdminInputError, parseAdminBody } from './admin-input.js';
import { adminRoutes, type AdminHandler } from './admin-routes.js';
import { ADMIN_BODY_LIMIT_BYTES, BodyTooLargeError, readBody, sendJson } from './http-exchange.js';
import type { Problem } from './problem.js';
import { UnknownScopeError, type Simulation } from './simulation.js';

interface CompiledRoute {
  method: string;
  path: RegExp;
  handle: AdminHandler;
}

const routes: CompiledRoute[] = Object.entries(adminRoutes).map(([route, handle]) => {
  const [method = '', path = ''] = route.split(' ');
  return { method, path: new RegExp(`^${path.replaceAll(':', '([^/]+)')}$`), handle };
});

/** Answers `/admin/...`: 200 with what the route returns, or an error that names the field and the fix. */
export async function answerAdmin(
  simulation: Simulation,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://simulator');
  try {
    const matching = routes.filter((route) => route.path.test(url.pathname));
    const route = matching.find(({ method }) => method === request.method);
    if (route === undefined) {
      sendProblems(response, matching.length === 0 ? 404 : 405, [
        describeMissingRoute(request.method, url.pathname, matching),
      ]);
      return;
    }
    const params = (route.path.exec(url.pathname) ?? []).slice(1).map(decodePart);
    const body = parseAdminBody(await readBody(request, ADMIN_BODY_LIMIT_BYTES));
    const answer = route.handle(simulation, { params, query: Object.fromEntries(url.searchParams), body });
    sendJson(response, 200, JSON.stringify(answer));
  } catch (error) {
    if (error instanceof AdminInputError) sendProblems(response, error.status, error.problems);
    else if (error instanceof UnknownScopeError) sendProblems(response, 400, [error]);
    else if (error instanceof BodyTooLargeError)
      sendProblems(response, 413, [{ field: 'body', message: error.message }]);
    else throw error;
  }
}

/** The first problem in full view, all of them when there are several. */
function sendProblems(response: ServerResponse, status: number, problems: readonly [Problem, ...Problem[]]): void {
  const [{ field, message }] = problems;
  const all = problems.length > 1 ? { problems } : {};
  sendJson(response, status, JSON.stringify({ error: { field, message, ...all } }));
}

function describeMissingRoute(method: string | undefined, path: string, samePath: readonly CompiledRoute[]): Problem {
  if (samePath.length > 0) {
    return {
      field: 'method',
      message: `${method} is not possible here; use ${samePath.map((route) => route.method).join(' or ')}`,
    };
  }
  return { field: 'path', message: `no route ${method} ${path}; there are: ${Object.keys(adminRoutes).join(', ')}` };
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new AdminInputError([{ field: 'path', message: `'${part}' is not valid percent-encoding` }]);
  }
}
