import { APPS, type AppName } from '#libs/processes';
import { describe, expect, it } from 'vitest';
import { checkConfig } from '../system/choose-config.js';
import { sampleRequest } from '../system/sample-request.js';
import { renderAddresses } from './addresses.js';

const where = {
  url: (app: AppName) => `http://127.0.0.1:${APPS[app].port}`,
  redisUrl: 'redis://127.0.0.1:16379',
  prefix: undefined,
  wantsKey: false,
  isStaged: true,
  request: sampleRequest(checkConfig('understudy.yaml', {})),
  logFolder: 'logs',
};

describe('renderAddresses', () => {
  it('gives the commands that kill and revive the preferred provider, each on a line of its own', () => {
    const lines = renderAddresses(where);
    for (const action of ['kill', 'revive'])
      expect(lines).toContain(`curl -X POST http://127.0.0.1:4010/admin/providers/openai/${action}`);
    expect(lines).toContain('REDIS_URL=redis://127.0.0.1:16379');
  });

  it('asks the gateway for the model of the story, with a key when one is wanted', () => {
    const curl = (wantsKey: boolean) => renderAddresses({ ...where, wantsKey }).find((line) => line.includes('chat'));
    expect(curl(false)).toBe(
      `curl http://127.0.0.1:4000/v1/chat/completions -H 'content-type: application/json' -d '{"model":"gpt-4","messages":[{"role":"user","content":"Hello"}]}'`,
    );
    expect(curl(true)).toContain('Bearer <one of GATEWAY_API_KEYS>');
  });

  it('offers nothing to kill among real providers', () => {
    expect(renderAddresses({ ...where, isStaged: false }).join('\n')).not.toMatch(/kill|4010/);
  });
});
