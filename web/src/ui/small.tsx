/** Small parts that several views are made of. */
import type { ComponentChildren, VNode } from 'preact';
import { useState } from 'preact/hooks';
import { visible } from '../model/format.ts';
import { useStore } from '../model/store.ts';
import { dismiss, toasts } from '../model/toasts.ts';

type Tone = 'good' | 'warn' | 'bad' | 'quiet';

export function Chip({ tone, children }: { tone: Tone; children: ComponentChildren }): VNode {
  return <span class={`chip ${tone}`}>{children}</span>;
}

/** A name that anybody may have chosen. */
export function Name({ children }: { children: string }): VNode {
  return <bdi class="name">{visible(children)}</bdi>;
}

/** What is said in the place of newer figures; nothing where they come. */
export function NoNews({ problem }: { problem: string | null }): VNode | null {
  return problem === null ? null : <p class="problem">No news: {problem}. Trying again.</p>;
}

/** Names, and what is said of each. */
export function Facts({ facts }: { facts: readonly (readonly [string, string])[] }): VNode {
  return (
    <dl class="facts">
      {facts.map(([title, text]) => (
        <div key={`${title} ${text}`}>
          <dt>{title}</dt>
          <dd>{visible(text)}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A part of a view under a heading of its own. */
export function Panel({ title, aside, children }: PanelProps): VNode {
  return (
    <section class="panel" aria-label={title}>
      <header>
        <h2>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}

interface PanelProps {
  readonly title: string;
  /** Beside the heading. */
  readonly aside?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** How long "Copied" is shown. */
const COPIED_MS = 1500;

export function CopyButton({ text, what }: { text: string; what: string }): VNode {
  const [isCopied, setCopied] = useState(false);
  const onClick = async (): Promise<void> => {
    await copy(text);
    setCopied(true);
    setTimeout(() => setCopied(false), COPIED_MS);
  };
  return (
    <button type="button" class="small" aria-label={`Copy ${what}`} onClick={() => void onClick()}>
      {isCopied ? 'Copied' : 'Copy'}
    </button>
  );
}

/** Pages that came by plain HTTP from another machine may not use the clipboard's own interface. */
async function copy(text: string): Promise<void> {
  if (window.isSecureContext) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}

export function Toasts(): VNode {
  const shown = useStore(toasts);
  return (
    <div class="toasts" role="status">
      {shown.map(({ id, kind, text }) => (
        <p key={id} class={kind}>
          {visible(text)}
          <button type="button" class="small" aria-label="Dismiss" onClick={() => dismiss(id)}>
            ×
          </button>
        </p>
      ))}
    </div>
  );
}
