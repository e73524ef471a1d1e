/**
 * Address of an operation: the base URL with its path, whether it ends with a slash or not, and with its query
 * (`?api-version=…`), which stays at the end.
 */
export function endpointUrl(baseUrl: string, operation: string): string {
  const url = new URL(baseUrl);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/${operation}`;
  return url.toString();
}
