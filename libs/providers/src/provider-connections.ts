import { Agent, buildConnector } from 'undici';
import { AttemptAbort } from './attempt-abort.js';

/** More limits than this at once are a change of configuration under way: the connections of the oldest are let go. */
const MAX_AGENTS = 8;

/**
 * The connections to one provider, kept open between calls. How long connecting may take is decided where a connection
 * begins, so calls with another limit have connections of their own.
 */
export class ProviderConnections {
  readonly #agents = new Map<number, Agent>();

  /** @param maxConnections at once, for each connect limit */
  constructor(private readonly maxConnections: number) {}

  /** Connections that have to stand within `connectMs`; a call that cannot have one rejects with an AttemptAbort. */
  within(connectMs: number): Agent {
    const known = this.#agents.get(connectMs);
    if (known) return known;
    const [oldest] = this.#agents;
    if (oldest && this.#agents.size >= MAX_AGENTS) {
      this.#agents.delete(oldest[0]);
      // Calls in hand end in peace.
      void oldest[1].close();
    }
    const agent = new Agent({
      connections: this.maxConnections,
      pipelining: 1,
      allowH2: false,
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: timedConnector(connectMs),
    });
    this.#agents.set(connectMs, agent);
    return agent;
  }

  /** Ends idle connections; calls in hand are cut. */
  async close(): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent.destroy()));
    this.#agents.clear();
  }
}

/** undici's own connect timeout is late by up to a second: it only clears away what we have already given up. */
function timedConnector(connectMs: number): buildConnector.connector {
  const connect = buildConnector({ timeout: connectMs + 1_000 });
  return (options, callback) => {
    let isGivenUp = false;
    const timer = setTimeout(() => {
      isGivenUp = true;
      callback(new AttemptAbort('connect', connectMs), null);
    }, connectMs);
    connect(options, (...result) => {
      clearTimeout(timer);
      if (isGivenUp) result[1]?.destroy();
      else callback(...result);
    });
  };
}
