/** A simulated target: what routing knows of it (weight, tier, limits) and what only the world knows (its speed, its own rate limit). */
export interface SimulatedTarget {
  id: string;
  provider: string;
  /** 0 is normal; 1 is used when tier 0 is not enough. */
  tier: number;
  weight: number;
  timeoutMs: number;
  maxLatencyMs: number;
  /** Median time to the first token, and to each one after it. */
  firstTokenMs: number;
  tokenMs: number;
  /** Price of a million tokens, in dollars. */
  inputPrice: number;
  outputPrice: number;
  /** The provider's own limit: calls per second that it answers in the long run, and how many at once. */
  callsPerSecond: number;
  callsAtOnce: number;
}

const limits = { timeoutMs: 30_000, maxLatencyMs: 20_000, callsPerSecond: 10, callsAtOnce: 50 };

const OPENAI: SimulatedTarget = {
  ...limits,
  id: 'openai/gpt-4o',
  provider: 'openai',
  tier: 0,
  weight: 3,
  firstTokenMs: 450,
  tokenMs: 14,
  inputPrice: 2.5,
  outputPrice: 10,
};

const ANTHROPIC: SimulatedTarget = {
  ...limits,
  id: 'anthropic/claude-sonnet-4',
  provider: 'anthropic',
  tier: 0,
  weight: 2,
  firstTokenMs: 600,
  tokenMs: 16,
  inputPrice: 3,
  outputPrice: 15,
};

const RESERVE: SimulatedTarget = {
  ...limits,
  id: 'reserve/large',
  provider: 'reserve',
  tier: 1,
  weight: 1,
  firstTokenMs: 900,
  tokenMs: 18,
  inputPrice: 5,
  outputPrice: 25,
};

/** The two providers of the incident file, and on request a third that never fails but costs more. */
export function simulatedTargets(thirdProvider: boolean): SimulatedTarget[] {
  return thirdProvider ? [OPENAI, ANTHROPIC, RESERVE] : [OPENAI, ANTHROPIC];
}
