export { createLogger, type Logger, type LoggerOptions } from './logger.js';
export { NestLogger } from './nest-logger.js';
export { startTelemetry, type Telemetry, type TelemetryOptions } from './start-telemetry.js';
export { TelemetryEnvError } from './telemetry-env-error.js';
export { createRegistry, Registry } from './registry.js';
export { RoutingMetrics, type JobEnd, type RoutingLabels } from './routing.metrics.js';
export { ProbeMetrics, type ProbeLabels } from './probe.metrics.js';
export { HealthMetrics, type HealthLabels, type ModelHealth } from './health.metrics.js';
export { QueueMetrics, type CountJobs } from './queue.metrics.js';
