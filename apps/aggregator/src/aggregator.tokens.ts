/** Injection token of the checked configuration (UnderstudyConfig). */
export const AGGREGATOR_CONFIG = Symbol('AGGREGATOR_CONFIG');
