import { fieldsOf, textOf, type Fields } from './fields.js';
import type { ToolOutput, UserPart } from './sdk-types.js';
import { UntranslatableError } from './untranslatable.errors.js';

const DATA_URL = /^data:([^;,]+)(?:;[^,]*)?;base64,(.*)$/s;

/** `cache_control` marks where the provider may cache; OpenAI has no word for it, and relays take it on any part. */
export function cacheOptions(holder: Fields): { providerOptions?: NonNullable<UserPart['providerOptions']> } {
  const mark = fieldsOf(holder['cache_control']);
  return Object.keys(mark).length === 0 ? {} : { providerOptions: { anthropic: { cacheControl: mark as never } } };
}

/**
 * One part of a user's message.
 * @param at where it stands in the body, for the message of an error
 * @throws UntranslatableError for a part that Anthropic has no form for
 */
export function userPart(value: unknown, at: string): UserPart {
  const part = fieldsOf(value);
  switch (part['type']) {
    case 'text':
      return { type: 'text', text: textOf(part['text']) ?? '', ...cacheOptions(part) };
    case 'image_url':
      return { ...filePart(imageUrl(part, at), 'image/*', at), ...cacheOptions(part) };
    case 'file': {
      const file = fieldsOf(part['file']);
      const data = textOf(file['file_data']);
      if (data === undefined)
        throw new UntranslatableError(
          'unsupported_param',
          `${at}.file.file_data is missing: file ids mean nothing here`,
        );
      const filename = textOf(file['filename']);
      return { ...filePart(data, 'application/pdf', at), ...(filename && { filename }), ...cacheOptions(part) };
    }
    default:
      throw new UntranslatableError(
        'unsupported_param',
        `${at}.type "${String(part['type'])}" cannot be sent to this provider: use text, image_url or file`,
      );
  }
}

/** Parts of a tool's answer: text and images. */
export function toolOutput(content: unknown, at: string): ToolOutput {
  if (!Array.isArray(content)) return { type: 'text', value: textOf(content) ?? '' };
  return {
    type: 'content',
    value: content.map((value, index) => {
      const part = userPart(value, `${at}[${index}]`);
      if (part.type === 'text') return { type: 'text', text: part.text };
      const { data, mediaType } = part;
      const isImage = mediaType.startsWith('image/');
      if (data instanceof URL)
        return isImage ? { type: 'image-url', url: data.href } : { type: 'file-url', url: data.href };
      return { type: isImage ? 'image-data' : 'file-data', data: data as string, mediaType };
    }),
  };
}

function imageUrl(part: Fields, at: string): string {
  const holder = part['image_url'];
  const url = textOf(holder) ?? textOf(fieldsOf(holder)['url']);
  if (!url) throw new UntranslatableError('bad_request', `${at}.image_url.url is missing: give an http(s) or data URL`);
  return url;
}

function filePart(url: string, anyType: string, at: string): { type: 'file'; data: string | URL; mediaType: string } {
  const [, mediaType, data] = DATA_URL.exec(url) ?? [];
  if (mediaType !== undefined && data !== undefined) return { type: 'file', data, mediaType };
  if (/^https?:\/\//i.test(url) && URL.canParse(url)) return { type: 'file', data: new URL(url), mediaType: anyType };
  throw new UntranslatableError('bad_request', `${at} is neither an http(s) URL nor a base64 data URL`);
}
