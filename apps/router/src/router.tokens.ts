/** Injection tokens of values that are no classes. */
export const ROUTER_CONFIG = Symbol('ROUTER_CONFIG');
