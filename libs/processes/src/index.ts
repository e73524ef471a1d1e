export { APPS, type AppName } from './apps.js';
export { type LogLine } from './log-lines.js';
export { answersPing, canConnect, findFreePort, isPortFree } from './ports.js';
export { untilReady, type ReadinessAnswer } from './readiness-poll.js';
export { startService, type ServiceExit, type ServiceOptions, type ServiceProcess } from './service-process.js';
export { onOwnDeath } from './watchdog.js';
