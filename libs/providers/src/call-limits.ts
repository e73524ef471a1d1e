/** How long each phase of a call may take, in milliseconds. */
export interface CallLimits {
  /** Until the connection stands. */
  connectMs: number;
  /** From sending until the answer says something. Only for streams: what comes in one piece has `totalMs` alone. */
  firstTokenMs: number;
  /** Between two things that the answer says. Comments, pings and empty events say nothing. */
  idleMs: number;
  /** The whole call, whatever it is doing. */
  totalMs: number;
  /** An answer that says less than this, in characters per second over the last `idleMs`, is given up. */
  minCharsPerSecond?: number | undefined;
}
