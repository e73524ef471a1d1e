import { describe, expect, it } from 'vitest';
import { Terminal } from './terminal.js';

function screen(isTTY: boolean, columns = 80) {
  let written = '';
  const stream = { isTTY, columns, write: (text: string) => ((written += text), true) };
  return { terminal: new Terminal(stream as never), text: () => written };
}

describe('Terminal', () => {
  it('prints lines above the frame and draws the frame again below them', () => {
    const { terminal, text } = screen(true);
    terminal.setFrame(['one', 'two']);
    terminal.line('news');
    expect(text()).toBe('one\ntwo\n\u001B[2F\u001B[0Jnews\none\ntwo\n');
  });

  it('cuts a line of the frame that would wrap, and counts no room for colours', () => {
    const { terminal, text } = screen(true, 5);
    terminal.setFrame(['\u001B[31m123456789\u001B[39m']);
    expect(text()).toBe('\u001B[31m12345\u001B[39m\n');
  });

  it('draws no frame where there is no terminal', () => {
    const { terminal, text } = screen(false);
    terminal.setFrame(['one']);
    terminal.line('news');
    expect(text()).toBe('news\n');
  });

  it('leaves a kept frame where it is', () => {
    const { terminal, text } = screen(true);
    terminal.setFrame(['one']);
    terminal.keepFrame();
    terminal.line('after');
    expect(text()).toBe('one\nafter\n');
  });
});
