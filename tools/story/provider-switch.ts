import { request } from 'node:http';

/** Kills or revives a provider that the simulator plays. */
export async function switchProvider(simulatorUrl: string, provider: string, action: 'kill' | 'revive'): Promise<void> {
  const url = `${simulatorUrl}/admin/providers/${encodeURIComponent(provider)}/${action}`;
  const status = await new Promise<number>((resolve, reject) => {
    const call = request(url, { method: 'POST', timeout: 5_000 }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    call.on('timeout', () => call.destroy(new Error('no answer within 5 s')));
    call.on('error', reject);
    call.end();
  });
  if (status !== 200) throw new Error(`the simulator answered ${status} to POST ${url}`);
}
