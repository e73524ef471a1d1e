import { uniquePrefix } from '#libs/testing';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { describe, expect, it } from 'vitest';
import { CompletionClient } from './completion-client.js';
import type { CompletionClientOptions } from './completion-options.js';
import { UnderstudyModule } from './understudy.module.js';

const options: CompletionClientOptions = { redisUrl: process.env.REDIS_URL!, prefix: uniquePrefix() };

@Injectable()
class Chatbot {
  constructor(readonly client: CompletionClient) {}
}

@Injectable()
class Settings {
  readonly understudy = options;
}

@Module({ providers: [Settings], exports: [Settings] })
class SettingsModule {}

@Module({ providers: [Chatbot] })
class ChatbotModule {}

describe('UnderstudyModule', () => {
  it.each([
    ['forRoot', UnderstudyModule.forRoot(options)],
    [
      'forRootAsync',
      UnderstudyModule.forRootAsync({
        imports: [SettingsModule],
        inject: [Settings],
        useFactory: async (settings: Settings) => settings.understudy,
      }),
    ],
  ])('%s offers the client to every module, and closes it when the application stops', async (_name, understudy) => {
    @Module({ imports: [understudy, ChatbotModule] })
    class AppModule {}

    const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
    const { client } = app.get(Chatbot);
    expect(await client.models()).toEqual([]);
    await app.close();
    await expect(client.models()).rejects.toMatchObject({ code: 'client_closed' });
  });
});
