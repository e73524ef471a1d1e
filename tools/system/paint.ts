import { styleText } from 'node:util';

type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan' | 'magenta' | 'blue';

/** Colours text on a terminal; elsewhere, or with NO_COLOR, leaves it as it is. */
export type Paint = (style: Style, text: string) => string;

export function createPaint(isInteractive: boolean, env: NodeJS.ProcessEnv = process.env): Paint {
  const hasColour = isInteractive && !env['NO_COLOR'];
  return (style, text) => (hasColour ? styleText(style, text, { validateStream: false }) : text);
}
