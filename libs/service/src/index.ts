export { bootService } from './boot-service.js';
export { createService, type Service, type ServiceEnv, type ServiceOptions } from './create-service.js';
export { logMendedKeys } from './log-mended-keys.js';
export { Readiness, type Condition } from './readiness.js';
export { runService } from './run-service.js';
export { LOGGER, ServiceModule } from './service.module.js';
export { StartError } from './start.errors.js';
