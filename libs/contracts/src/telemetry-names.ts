/** Names of span attributes and events. Ours begin with `llm.`; the others are OpenTelemetry's. */
export const ATTR = {
  errorType: 'error.type',
  serverAddress: 'server.address',
  serverPort: 'server.port',
  httpMethod: 'http.request.method',
  httpRoute: 'http.route',
  httpStatus: 'http.response.status_code',

  messagingSystem: 'messaging.system',
  messagingOperationName: 'messaging.operation.name',
  messagingOperationType: 'messaging.operation.type',
  messagingDestination: 'messaging.destination.name',
  messagingMessageId: 'messaging.message.id',
  messagingBatchCount: 'messaging.batch.message_count',
  bullJobName: 'bullmq.job.name',
  bullWorkerName: 'bullmq.worker.name',
  bullAttemptsMade: 'bullmq.job.attempts.made',

  genAiOperation: 'gen_ai.operation.name',
  genAiProvider: 'gen_ai.provider.name',
  genAiRequestModel: 'gen_ai.request.model',
  genAiResponseModel: 'gen_ai.response.model',
  genAiResponseId: 'gen_ai.response.id',
  genAiFinishReasons: 'gen_ai.response.finish_reasons',
  genAiInputTokens: 'gen_ai.usage.input_tokens',
  genAiOutputTokens: 'gen_ai.usage.output_tokens',

  queueWaitMs: 'llm.queue.wait_ms',
  trafficType: 'llm.traffic.type',
  attemptNumber: 'llm.attempt.number',
  attemptKind: 'llm.attempt.kind',
  attemptNextAction: 'llm.attempt.next_action',
  failureClass: 'llm.failure.class',

  routeAlias: 'llm.route.alias',
  routeStrategy: 'llm.route.strategy',
  routeOutcome: 'llm.route.outcome',
  routeAttempts: 'llm.route.attempts',
  routeSelected: 'llm.route.selected',
  routeCandidates: 'llm.route.candidates',
  routeExcluded: 'llm.route.excluded',
  routeScore: 'llm.route.score',
  routeWeight: 'llm.route.weight',

  failover: 'llm.failover',
  failoverCount: 'llm.failover.count',
  failoverFrom: 'llm.failover.from',
  failoverTo: 'llm.failover.to',
  failoverReason: 'llm.failover.reason',

  healthTarget: 'llm.health.target',
  healthFrom: 'llm.health.from',
  healthTo: 'llm.health.to',
  healthScoreBefore: 'llm.health.score.before',
  healthScoreAfter: 'llm.health.score.after',
  linkType: 'llm.link.type',
  tenant: 'llm.tenant',
} as const;

/** Names of span events. */
export const SPAN_EVENT = {
  routeDecision: 'llm.route.decision',
  failover: 'llm.failover',
  healthStateChange: 'llm.health.state_change',
} as const;
