import type { AnthropicProvider } from '@ai-sdk/anthropic';

/** The library's own words, taken from its signatures: its types package is no dependency of ours. */
export type LanguageModel = ReturnType<AnthropicProvider>;
export type CallOptions = Parameters<LanguageModel['doGenerate']>[0];
export type Prompt = CallOptions['prompt'];
export type SystemMessage = Extract<Prompt[number], { role: 'system' }>;
export type UserPart = Extract<Prompt[number], { role: 'user' }>['content'][number];
export type AssistantPart = Extract<Prompt[number], { role: 'assistant' }>['content'][number];
type ToolPart = Extract<Extract<Prompt[number], { role: 'tool' }>['content'][number], { type: 'tool-result' }>;
export type ToolOutput = ToolPart['output'];
export type FunctionTool = Extract<NonNullable<CallOptions['tools']>[number], { type: 'function' }>;
export type ToolChoice = NonNullable<CallOptions['toolChoice']>;
export type ProviderSettings = NonNullable<CallOptions['providerOptions']>[string];
export type Generated = Awaited<ReturnType<LanguageModel['doGenerate']>>;
export type Content = Generated['content'][number];
export type SdkUsage = Generated['usage'];
export type SdkWarning = Generated['warnings'][number];
export type StreamPart =
  Awaited<ReturnType<LanguageModel['doStream']>>['stream'] extends ReadableStream<infer Part> ? Part : never;
