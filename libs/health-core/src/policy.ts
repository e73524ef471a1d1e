/** Every number that the decisions of the core rest on. Times in milliseconds, ratios and factors 0–1 unless said. */
export interface HealthPolicy {
  /**
   * How a target's state becomes its score, condition and share. `adaptive`: what is described in the README of this
   * module. `article`: last probe's latency and lifetime success of probes, as in the article. The state is the same.
   */
  scoring: 'adaptive' | 'article';

  // -- success: how fast old outcomes are forgotten
  /** After this time an outcome counts half. 10–60 s decide alike; 120 s lets a target with 30 % errors through. */
  evidenceHalfLifeMs: number;
  /** A gap between outcomes ages them by no more than this: evidence is replaced by news, not by silence. */
  evidenceGapMs: number;
  /** Imagined calls before the first real one. 10 survives a failed first call; 2–20 detect alike. */
  priorCalls: number;
  /** Success rate of the imagined calls, strictly between 0 and 1. */
  priorSuccess: number;

  // -- latency: relative to what is usual for the target
  /** After this time a latency sample counts half. 30 s doubles the traffic into a slow target, 3 s is noisy. */
  latencyHalfLifeMs: number;
  /** Imagined samples of usual latency, so that one slow call is not a trend. */
  latencyPriorSamples: number;
  /** Lower limit of one sample's ln(latency / usual): a burst of cached answers hides nothing. Not above 0. */
  latencyMinLogRatio: number;
  /** Upper limit of one sample's ln(latency / usual): one hung call is not the end. Above 0. */
  latencyMaxLogRatio: number;
  /** Up to this multiple of the usual latency nothing is taken off the score. At least 1. */
  latencyTolerance: number;
  /** The score is 0 at the target's `maxLatencyMs`, but never below this multiple of the tolerated latency. Above 1. */
  latencyZeroFactor: number;
  /** A stream that needs this much for a token is not crawling, whatever is usual for it. 100 ms are ten tokens a second. */
  crawlPerTokenMs: number;
  /** From this multiple of what is usual between two tokens on, a stream that crawls is judged by that. At least 1. */
  crawlRatio: number;
  /** The usual latency is a plain mean for so many samples, then it moves by `baselineRate`. */
  baselineWarmupSamples: number;
  /** How many samples the configured expectation is worth. */
  baselinePriorSamples: number;
  /** Step of the usual latency per sample after the warm-up. Slow, or it would follow a brownout. */
  baselineRate: number;
  /** Factor on `baselineRate` while the target is slow, failing or not closed. */
  baselineSickFactor: number;
  /** From this latency ratio on the target counts as slow for `baselineSickFactor`. */
  baselineCalmRatio: number;
  /** At or below this success estimate the target counts as failing for `baselineSickFactor`. */
  baselineCalmSuccess: number;
  /** Usual latency of a whole answer when the target's profile names none. */
  expectedLatencyMs: number;
  /** Usual latency of a ping, or to the first token, when the target's profile names none. */
  expectedProbeMs: number;

  // -- score and share
  /** score = 100 · success^exponent · latency term. 3 puts 80 % success at the threshold of 50. */
  scoreExponent: number;
  /** A target is healthy above this score, 0–100. */
  healthyAboveScore: number;
  /** From this score on a target gets all of its configured weight, 0–100. */
  fullShareAtScore: number;
  /** What remains of the weight of a closed target with a bad score: enough to notice that it is better. */
  floorFactor: number;
  /** The same while no fresh probe exists, since then only traffic can bring the news. */
  blindFloorFactor: number;
  /** A probe result older than this is no news; the prober may be dead. */
  probeFreshMs: number;
  /** After closing, the share grows to its full size during this time. 60 s would cost 30 s of recovery. */
  rampMs: number;
  /** Share at the beginning of the ramp. */
  rampFloor: number;
  /** A preferred target is asked first while its health factor is at least this. */
  preferredMinFactor: number;
  /** Tier 0 stays full until its health falls below 1 / this (Envoy's overprovisioning factor). At least 1. */
  tierOverprovision: number;

  // -- breaker
  /** Failures in a row that open it; also the article's limit for `available`. */
  consecutiveToOpen: number;
  /** The same during the ramp: a target that has just come back is trusted less. */
  consecutiveWhileRamping: number;
  /** The same when another target of the provider has just opened. */
  consecutiveAfterSibling: number;
  /** How long the opening of a sibling raises suspicion. */
  siblingSuspicionMs: number;
  /** Shortest time of being open, the first time. 30 s would add 36 s to a recovery. */
  openBaseMs: number;
  /** Factor on that time for every further opening. At least 1. */
  openGrowth: number;
  /** Upper limit of that time, before jitter. */
  openMaxMs: number;
  /** The time is spread by ± this share, so that targets do not come back in step. */
  openJitter: number;
  /** Each such time of being closed takes one opening off the count behind `openGrowth`. */
  forgiveMs: number;
  /** Without probes, a target that is unusable (key, quota, model gone) is not tried before this, counted from the last of them. */
  disabledHoldMs: number;
  /** Good probes in a row, since opening, that make it half-open. */
  probesToHalfOpen: number;
  /** Good trials that close it. */
  trialsToClose: number;
  /** A half-open target without a trial for this time may be closed by probes alone. */
  idleHalfOpenMs: number;
  /** Good probes in a row, since opening, that close it then. */
  probesToCloseIdle: number;
  /** One router starts a trial of a target at most this often… */
  trialGapMs: number;
  /** …or, when busy, with this share of its jobs. */
  trialShare: number;

  // -- what one router does by itself
  /** Failures in a row, seen by one router, after which it skips the target without waiting for the aggregator. */
  overlayFailures: number;
  /** For how long it skips it. */
  overlaySkipMs: number;
  /** That time is made longer by up to this share. */
  overlayJitter: number;
  /** Longest `Retry-After` that is obeyed; beyond it the target is asked again all the same. */
  retryAfterMaxMs: number;
  /** The same of a failure, such as a 503: there it is a guess, and probes may know better long before. */
  failureWaitMaxMs: number;
  /**
   * A name that is not found, or a certificate that is refused, is the same for all targets of the host: the router that met it asks none
   * of them for this time, as long as it has anybody else to ask. 0: it asks the others at once.
   */
  hostSkipMs: number;
  /**
   * A `Retry-After` above this is a window that is closed, not a rate that was exceeded: no rate is learned. And a wait for a target above
   * this is no moment: a drained target, or a trial of a half-open one, is better.
   */
  retryAfterWindowMs: number;
  /** A 429 that names at least this time closes the target for all routers; what names less, or nothing, for the one that met it. 0: every 429 does. */
  shareBlocksFromMs: number;
  /** Block after a 429 without `Retry-After`, doubled with each one in a row. With 500 ms a job makes two calls at most in any 1.5 s. */
  throttleBaseMs: number;
  /** Upper limit of that block. */
  throttleMaxMs: number;
  /** Blocks are made longer by up to this share. */
  throttleJitter: number;
  /** A 429 cuts the send rate to this share of what was sent. */
  rateCutFactor: number;
  /** A learned rate never falls below this, calls per second. */
  rateFloorPerSecond: number;
  /** The rate is cut at most this often. */
  rateCutGapMs: number;
  /** Each success raises the rate by this share of (rate + `rateGrowthOffsetPerSecond`). */
  rateGrowth: number;
  /** Lets a small rate grow too, calls per second. */
  rateGrowthOffsetPerSecond: number;
  /** Without a cut for this time, a limit far above what is sent is forgotten. */
  rateForgetMs: number;
  /** "Far above": rate > this × sent + `rateForgetMarginPerSecond`. At least 1. */
  rateForgetFactor: number;
  /** See `rateForgetFactor`, calls per second. */
  rateForgetMarginPerSecond: number;
  /** Half-life of the measured send rate. */
  sendRateHalfLifeMs: number;

  // -- when nobody can be asked
  /** With every breaker open, one router makes one real attempt per target this often… */
  panicGapMs: number;
  /**
   * …but only this often while fresh probes say that the target is down: they will notice when it is back. Once they say that it is
   * well, every `openBaseMs` at most.
   */
  panicGapProbedMs: number;
  /** Shortest time that a job is parked. */
  parkMinMs: number;
  /** Time after which a target that was tried may be asked again. */
  parkTriedMs: number;
  /** Time after which to look again when every breaker is open. */
  parkOpenMs: number;
  /** Waiting grows from this, doubling with each parking of the job, so that fresh jobs go first. */
  parkGrowthMs: number;
  /** Upper limit of that growth. */
  parkMaxMs: number;
  /** Waiting is spread by ± this share. */
  parkJitter: number;
  /** A job with less time than this before its deadline is not retried or parked any more: it fails with the reason. */
  minRemainingMs: number;

  // -- probes
  /** Interval of the probes that confirm a first failure or a first sign of life, and of all probes while no target is closed. */
  probeConfirmMs: number;
  /**
   * Interval while the success estimate is below `probeDoubtBelowSuccess`. A target in doubt gets little traffic, so probes decide how
   * soon it has its share again: 5 s takes about 55 s after four failures, 1 s about 30 s, and finds out more about partial outages.
   */
  probeDoubtMs: number;
  /** See `probeDoubtMs`. */
  probeDoubtBelowSuccess: number;
  /** Interval just after opening. */
  probeOpenMs: number;
  /** The interval of an open target grows by this share of the time since its last change… */
  probeOpenGrowth: number;
  /** …up to this. */
  probeOpenMaxMs: number;
  /**
   * Longest interval while a target is disabled and every ping is refused; it begins with `probeOpenMs` and doubles. Only somebody's
   * change mends that, and a refused key that is tried again and again gets its owner banned. A prober that starts pings at once, so a
   * key that was changed is not waited for.
   */
  probeDisabledMs: number;

  // -- the fleet
  /** A router whose snapshot is older than this goes by what it sees itself. */
  staleAfterMs: number;
}

/** The values that were measured to be good; the reason of each is with its field. */
export const DEFAULT_POLICY: HealthPolicy = {
  scoring: 'adaptive',
  evidenceHalfLifeMs: 30_000,
  evidenceGapMs: 5_000,
  priorCalls: 10,
  priorSuccess: 0.98,
  latencyHalfLifeMs: 10_000,
  latencyPriorSamples: 2,
  latencyMinLogRatio: -1,
  latencyMaxLogRatio: 3,
  latencyTolerance: 1.25,
  latencyZeroFactor: 1.5,
  crawlPerTokenMs: 100,
  crawlRatio: 5,
  baselineWarmupSamples: 30,
  baselinePriorSamples: 3,
  baselineRate: 0.0005,
  baselineSickFactor: 0.1,
  baselineCalmRatio: 1.3,
  baselineCalmSuccess: 0.9,
  expectedLatencyMs: 2_000,
  expectedProbeMs: 500,
  scoreExponent: 3,
  healthyAboveScore: 50,
  fullShareAtScore: 90,
  floorFactor: 0.01,
  blindFloorFactor: 0.05,
  probeFreshMs: 20_000,
  rampMs: 15_000,
  rampFloor: 0.1,
  preferredMinFactor: 0.5,
  tierOverprovision: 1.4,
  consecutiveToOpen: 5,
  consecutiveWhileRamping: 3,
  consecutiveAfterSibling: 2,
  siblingSuspicionMs: 30_000,
  openBaseMs: 5_000,
  openGrowth: 2,
  openMaxMs: 120_000,
  openJitter: 0.2,
  forgiveMs: 60_000,
  disabledHoldMs: 1_800_000,
  probesToHalfOpen: 2,
  trialsToClose: 3,
  idleHalfOpenMs: 10_000,
  probesToCloseIdle: 4,
  trialGapMs: 2_000,
  trialShare: 0.05,
  overlayFailures: 3,
  overlaySkipMs: 2_000,
  overlayJitter: 0.3,
  retryAfterMaxMs: 120_000,
  failureWaitMaxMs: 30_000,
  hostSkipMs: 60_000,
  retryAfterWindowMs: 5_000,
  shareBlocksFromMs: 5_000,
  throttleBaseMs: 500,
  throttleMaxMs: 4_000,
  throttleJitter: 0.1,
  rateCutFactor: 0.8,
  rateFloorPerSecond: 0.25,
  rateCutGapMs: 1_000,
  rateGrowth: 0.03,
  rateGrowthOffsetPerSecond: 0.5,
  rateForgetMs: 20_000,
  rateForgetFactor: 2,
  rateForgetMarginPerSecond: 0.5,
  sendRateHalfLifeMs: 3_000,
  panicGapMs: 1_000,
  panicGapProbedMs: 30_000,
  parkMinMs: 50,
  parkTriedMs: 250,
  parkOpenMs: 500,
  parkGrowthMs: 200,
  parkMaxMs: 8_000,
  parkJitter: 0.25,
  minRemainingMs: 3_000,
  probeConfirmMs: 1_000,
  probeDoubtMs: 1_000,
  probeDoubtBelowSuccess: 0.93,
  probeOpenMs: 3_000,
  probeOpenGrowth: 0.3,
  probeOpenMaxMs: 10_000,
  probeDisabledMs: 900_000,
  staleAfterMs: 5_000,
};
