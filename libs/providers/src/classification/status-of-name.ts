/** Statuses behind the generic names under which errors arrive inside a 200 or in a stream. */
const STATUS_OF_NAME: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  invalid_argument: 400,
  failed_precondition: 400,
  validationexception: 400,
  permission_error: 403,
  permission_denied: 403,
  not_found_error: 404,
  not_found: 404,
  conflict_error: 409,
  rate_limit_error: 429,
  resource_exhausted: 429,
  api_error: 500,
  server_error: 500,
  internal_error: 500,
  internal_server_error: 500,
  internal: 500,
  service_unavailable_error: 503,
  unavailable: 503,
};

/** The HTTP status that `names` (lower case, most specific first) stand for; relays write it as a number. */
export function statusMeantBy(names: readonly string[]): number | undefined {
  for (const name of names) {
    if (/^[45]\d\d$/.test(name)) return Number(name);
    if (Object.hasOwn(STATUS_OF_NAME, name)) return STATUS_OF_NAME[name];
  }
  return undefined;
}
