import { startSimulator } from '../../apps/simulator/src/simulator.server.js';
import { startRedis } from '../../tools/redis/start-redis.js';

/**
 * One Redis and one simulator for the whole run; the test processes find them as `REDIS_URL` and `SIMULATOR_URL`. Every test uses a
 * prefix of its own in Redis and providers of its own in the simulator, which answers any provider name.
 */
export default async function setup(): Promise<() => Promise<void>> {
  const redis = await startRedis({ onProgress: (message) => console.log(message) });
  const simulator = await startSimulator({ script: { autoProviders: true, latency: { kind: 'fixed', ms: 5 } } });
  process.env.REDIS_URL = redis.url;
  process.env.SIMULATOR_URL = simulator.url;
  return async () => {
    await simulator.close();
    await redis.stop();
  };
}
