/** What is configured about a target, as far as health and routing depend on it. */
export interface TargetProfile {
  /** `<provider>/<model>`. */
  id: string;
  /** Targets of one provider tend to fail together. */
  provider: string;
  /** 0 is normal; a higher tier is a reserve that fills in as the tiers before it lose health. */
  tier: number;
  /** Share of the traffic relative to the others of its tier; 0 means that an operator has drained the target. */
  weight: number;
  /** An answer slower than this is worth a warning, and a target that is as slow as this by habit scores 0. */
  maxLatencyMs: number;
  /** A call is given up after this. */
  timeoutMs: number;
  /** Usual time of a whole answer, until the target has shown its own; `policy.expectedLatencyMs` when absent. */
  expectedLatencyMs?: number;
  /** Usual time of a ping or to the first token; `policy.expectedProbeMs` when absent. */
  expectedProbeMs?: number;
}
