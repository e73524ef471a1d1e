export { estimateInput, estimateTokens, estimateUsage } from './estimate-usage.js';
export { isSubstitute } from './is-substitute.js';
export { PriceList, type PricedCall, type TargetPrice } from './price-list.js';
