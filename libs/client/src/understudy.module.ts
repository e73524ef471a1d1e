import {
  type DynamicModule,
  type FactoryProvider,
  Inject,
  Module,
  type ModuleMetadata,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { CompletionClient } from './completion-client.js';
import type { CompletionClientOptions } from './completion-options.js';

/** What `forRootAsync` needs to know. */
export interface UnderstudyAsyncOptions {
  imports?: ModuleMetadata['imports'];
  inject?: FactoryProvider['inject'];
  // Nest hands over whatever `inject` names; only the caller knows the types.
  // oxlint-disable-next-line no-explicit-any
  useFactory: (...injected: any[]) => CompletionClientOptions | Promise<CompletionClientOptions>;
}

const OPTIONS = Symbol('UnderstudyOptions');

/** Offers `CompletionClient` to the whole application, and closes it when the application stops. */
@Module({})
export class UnderstudyModule implements OnApplicationShutdown {
  constructor(@Inject(CompletionClient) private readonly client: CompletionClient) {}

  static forRoot(options: CompletionClientOptions = {}): DynamicModule {
    return UnderstudyModule.forRootAsync({ useFactory: () => options });
  }

  static forRootAsync({ imports = [], inject = [], useFactory }: UnderstudyAsyncOptions): DynamicModule {
    return {
      module: UnderstudyModule,
      global: true,
      imports,
      providers: [
        { provide: OPTIONS, inject, useFactory },
        {
          provide: CompletionClient,
          inject: [OPTIONS],
          useFactory: (options: CompletionClientOptions) => new CompletionClient(options),
        },
      ],
      exports: [CompletionClient],
    };
  }

  /** After the doors are closed: requests in hand may still wait for their answers until then. */
  async onApplicationShutdown(): Promise<void> {
    await this.client.close();
  }
}
