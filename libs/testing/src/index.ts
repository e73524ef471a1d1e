export { startOtlpReceiver, type OtlpReceiver, type ReceivedSpan } from './otlp-receiver.js';
export { SLACK_MS } from './slack.js';
export { uniquePrefix } from './unique-prefix.js';
export {
  simulatorAdmin,
  type SimulatedLatency,
  type SimulatedProvider,
  type SimulatorAdmin,
  type SimulatorCall,
  type SimulatorCallWithRequest,
} from './simulator-admin.js';
export { startProcess, type StartProcessOptions, type TestProcess } from './start-process.js';
export { startStack, type Stack, type StackOptions } from './start-stack.js';
export { redisGate, type RedisGate } from './redis-gate.js';
export type { FaultSpan, SimulatedFault } from './simulator-faults.js';
