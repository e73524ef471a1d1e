import { SentinelConnector } from 'ioredis';

/**
 * Asks the Sentinels for the master, and lives through a failover that they tell of while they are being asked. ioredis lets the
 * watch of the last connection go on meanwhile; its word takes that question for one that nobody wants an answer to any more, and
 * the connection is ended for good, in a process that goes on.
 */
export class SteadySentinelConnector extends SentinelConnector {
  override connect(...args: Parameters<SentinelConnector['connect']>): ReturnType<SentinelConnector['connect']> {
    const { failoverDetector } = this as unknown as { failoverDetector: { cleanup(): void } | null };
    // A new one is set up with the new connection.
    failoverDetector?.cleanup();
    return super.connect(...args);
  }
}
