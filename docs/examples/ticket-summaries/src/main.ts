import { createServer } from 'node:http';
import { CompletionClient } from '@understudy/client';
import { TicketSummaries } from './ticket-summaries.js';
import { answer } from './routes.js';

const { REDIS_URL = 'redis://127.0.0.1:6379', UNDERSTUDY_PREFIX = '{understudy}', PORT = '3000' } = process.env;

const client = new CompletionClient({ redisUrl: REDIS_URL, prefix: UNDERSTUDY_PREFIX });
const summaries = new TicketSummaries(client, process.env.MODEL ?? 'auto');
const server = createServer((request, response) => void answer(request, response, summaries));

server.listen(Number(PORT), '127.0.0.1', () => {
  const address = server.address();
  console.log(`listening on http://127.0.0.1:${typeof address === 'object' ? address?.port : PORT}`);
});

// Ends waiting requests, then the connections to Redis. Jobs in the queue do not mind: they are answered, and can be asked for later.
process.once('SIGTERM', () => {
  server.close(() => void client.close());
  server.closeAllConnections();
});
